package kinesis

import "testing"

func TestThreeShardsCannotBecomeOneAtOnce(t *testing.T) {
	r := newRig(t)
	r.create("s", 3)
	r.refused("UpdateShardCount", in{"StreamName": "s", "TargetShardCount": number(1), "ScalingType": "UNIFORM_SCALING"}, "InvalidArgumentException",
		"UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: 3 Target shard count: 1")
	ok[UpdateShardCountOutput](r, "UpdateShardCount", in{"StreamName": "s", "TargetShardCount": number(2), "ScalingType": "UNIFORM_SCALING"})
}
