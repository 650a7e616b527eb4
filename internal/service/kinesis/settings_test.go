package kinesis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/service/api"
)

func (r *rig) describe(name string) *StreamDescription {
	r.Helper()
	return ok[DescribeStreamOutput](r, "DescribeStream", in{"StreamName": name}).StreamDescription
}

func (r *rig) summary(name string) *StreamDescriptionSummary {
	r.Helper()
	return ok[DescribeStreamSummaryOutput](r, "DescribeStreamSummary", in{"StreamName": name}).StreamDescriptionSummary
}

func TestModeChangesTwiceADay(t *testing.T) {
	r := newRig(t)
	r.create("s", 3)
	mode := func(to string, warm int) (any, error) {
		members := in{"StreamARN": string(streamS), "StreamModeDetails": in{"StreamMode": to}}
		if warm > 0 {
			members["WarmThroughputMiBps"] = number(warm)
		}
		return r.do(alice, region, "UpdateStreamMode", members)
	}
	for _, c := range []struct {
		mode string
		warm int
		code string
	}{
		{modeProvisioned, 0, ""}, // as it is: not counted
		{modeProvisioned, 5, "ValidationException"},
		{modeOnDemand, 5, ""},
		{modeOnDemand, 0, ""},
		{modeProvisioned, 0, ""},
		{modeOnDemand, 0, "LimitExceededException"},
	} {
		_, err := mode(c.mode, c.warm)
		e, refused := api.AsException(err)
		if refused != (c.code != "") || refused && e.Code != c.code {
			t.Errorf("to %s: %v, want %q", c.mode, err, c.code)
		}
		if c.warm == 5 && c.code == "" {
			if got := r.summary("s"); got.StreamModeDetails.StreamMode != modeOnDemand || *got.WarmThroughput.CurrentMiBps != 5 || got.OpenShardCount != 3 {
				t.Errorf("on demand: %+v", got)
			}
		}
	}
	if got := r.summary("s"); got.StreamModeDetails.StreamMode != modeProvisioned || got.WarmThroughput != nil {
		t.Errorf("provisioned again: mode %v, warm throughput %v, want none", got.StreamModeDetails, got.WarmThroughput)
	}
	r.clock.advance(day)
	if _, err := mode(modeOnDemand, 0); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

func TestOnDemandSettings(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	const provisioned = "Request is invalid. Stream s under account 111111111111 is in Provisioned mode."
	r.refused("UpdateStreamWarmThroughput", in{"StreamName": "s", "WarmThroughputMiBps": number(7)}, "ValidationException", provisioned)
	r.refused("UpdateStreamRecordDistributionStrategy", in{"StreamARN": string(streamS), "RecordDistributionStrategy": "AUTO"}, "ValidationException", provisioned)
	r.edit("s", func(st *stream) { st.Mode = modeOnDemand })
	warm := ok[UpdateStreamWarmThroughputOutput](r, "UpdateStreamWarmThroughput", in{"StreamName": "s", "WarmThroughputMiBps": number(7)})
	if warm.StreamARN != string(streamS) || warm.StreamName != "s" || *warm.WarmThroughput.TargetMiBps != 7 {
		t.Errorf("UpdateStreamWarmThroughput answers %+v", warm)
	}
	r.refused("PutRecord", in{"StreamName": "s", "Data": []byte("x")}, "ValidationException",
		"1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: Member must not be null")
	ok[api.Void](r, "UpdateStreamRecordDistributionStrategy", in{"StreamARN": string(streamS), "RecordDistributionStrategy": "AUTO"})
	ok[PutRecordOutput](r, "PutRecord", in{"StreamName": "s", "Data": []byte("x")})
	if got := r.summary("s"); got.RecordDistributionStrategy != "AUTO" {
		t.Errorf("distribution is %q, want AUTO", got.RecordDistributionStrategy)
	}
	if rec := r.all("s", 0)[0]; rec.PartitionKey != "" || string(rec.Data) != "x" {
		t.Errorf("a record without key comes out as %+v", rec)
	}
}

func TestMaxRecordSize(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	large := []byte(strings.Repeat("x", 10<<20-1))
	if _, err := r.do(alice, region, "PutRecord", in{"StreamName": "s", "PartitionKey": "k", "Data": large}); err == nil {
		t.Error("a record of 10 MiB is accepted by a stream that takes 1 MiB")
	}
	for _, kib := range []int{1023, 10241} {
		_, err := r.do(alice, region, "UpdateMaxRecordSize", in{"StreamARN": string(streamS), "MaxRecordSizeInKiB": number(kib)})
		if e, refused := api.AsException(err); !refused || e.Code != "ValidationException" {
			t.Errorf("%d KiB: %v, want ValidationException", kib, err)
		}
	}
	ok[api.Void](r, "UpdateMaxRecordSize", in{"StreamARN": string(streamS), "MaxRecordSizeInKiB": number(10240)})
	if got := *r.summary("s").MaxRecordSizeInKiB; got != 10240 {
		t.Errorf("the stream takes %d KiB, want 10240", got)
	}
	r.put("s", "k", string(large))
	r.put("s", "k", "after")
	out := r.get(r.iterator("s", 0, iteratorTrimHorizon, nil))
	if len(out.Records) != 1 || len(out.Records[0].Data) != len(large) || *out.MillisBehindLatest == 0 {
		t.Errorf("an answer has %d records, want the large one alone and more to come", len(out.Records))
	}
	if out = r.get(out.NextShardIterator); !slices.Equal(texts(out.Records), []string{"after"}) {
		t.Errorf("then %q, want the one after it", texts(out.Records))
	}
	r.refused("PutRecord", in{"StreamName": "s", "PartitionKey": "kk", "Data": large}, "ValidationException",
		"1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=10485759 cap=10485759]' at 'data' failed to satisfy constraint: Member must have length less than or equal to 10485760")
	r.refused("UpdateMaxRecordSize", in{"MaxRecordSizeInKiB": number(2048)}, "InvalidArgumentException", "Either StreamName or StreamARN should be provided.")
}

func TestEncryptionIsShownOnRecords(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	if out := r.put("s", "k", "before"); out.EncryptionType != "" {
		t.Errorf("before: PutRecord says %q, want nothing", out.EncryptionType)
	}
	encryption := in{"StreamName": "s", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
	ok[api.Void](r, "StartStreamEncryption", encryption)
	if out := r.put("s", "k", "during"); out.EncryptionType != "KMS" {
		t.Errorf("during: PutRecord says %q, want KMS", out.EncryptionType)
	}
	if d, s := r.describe("s"), r.summary("s"); d.EncryptionType != "KMS" || d.KeyID != "alias/aws/kinesis" || s.EncryptionType != "KMS" || s.KeyID != "alias/aws/kinesis" {
		t.Errorf("described as %q with key %q, in short as %q with key %q", d.EncryptionType, d.KeyID, s.EncryptionType, s.KeyID)
	}
	ok[api.Void](r, "StopStreamEncryption", encryption)
	ok[api.Void](r, "StopStreamEncryption", encryption) // no error
	r.put("s", "k", "after")
	r.restart()
	var got []string
	for _, rec := range r.all("s", 0) {
		got = append(got, string(rec.Data)+" "+rec.EncryptionType)
	}
	if want := []string{"before ", "during KMS", "after "}; !slices.Equal(got, want) {
		t.Errorf("records are %q, want %q", got, want)
	}
	if d := r.describe("s"); d.EncryptionType != "NONE" || d.KeyID != "" {
		t.Errorf("described as %q with key %q, want NONE without", d.EncryptionType, d.KeyID)
	}
	for _, op := range []string{"StartStreamEncryption", "StopStreamEncryption"} {
		r.refused(op, in{"StreamName": "s", "EncryptionType": "NONE", "KeyId": "k"}, "InvalidArgumentException", "EncryptionType must be KMS, not NONE.")
	}
}

func TestKeyChanges25TimesADay(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	key := func(i int) in { return in{"StreamName": "s", "EncryptionType": "KMS", "KeyId": fmt.Sprint("k", i)} }
	for i := range keysPerDay {
		ok[api.Void](r, "StartStreamEncryption", key(i))
		ok[api.Void](r, "StartStreamEncryption", key(i)) // the same key is not counted
	}
	r.refused("StartStreamEncryption", key(keysPerDay), "LimitExceededException",
		"The key of stream s under account 111111111111 was changed 25 times in the last 24 hours, which is the limit.")
	r.clock.advance(day)
	ok[api.Void](r, "StartStreamEncryption", key(keysPerDay))
	if got := r.describe("s").KeyID; got != "k25" {
		t.Errorf("the key is %s a day later, want k25", got)
	}
}

func TestEnhancedMonitoring(t *testing.T) {
	r := newRig(t)
	r.create("s", 1)
	on := func(names ...any) *EnableEnhancedMonitoringOutput {
		return ok[EnableEnhancedMonitoringOutput](r, "EnableEnhancedMonitoring", in{"StreamName": "s", "ShardLevelMetrics": names})
	}
	on("OutgoingBytes")
	out := on("IncomingBytes", "OutgoingBytes")
	if !slices.Equal(out.CurrentShardLevelMetrics, []string{"OutgoingBytes"}) || !slices.Equal(out.DesiredShardLevelMetrics, []string{"IncomingBytes", "OutgoingBytes"}) {
		t.Errorf("from %q to %q", out.CurrentShardLevelMetrics, out.DesiredShardLevelMetrics)
	}
	if out = on("ALL"); !slices.Equal(out.DesiredShardLevelMetrics, allMetrics) || !slices.Equal(r.describe("s").EnhancedMonitoring[0].ShardLevelMetrics, allMetrics) {
		t.Errorf("ALL is %q, described as %q", out.DesiredShardLevelMetrics, r.describe("s").EnhancedMonitoring)
	}
	off := ok[DisableEnhancedMonitoringOutput](r, "DisableEnhancedMonitoring", in{"StreamName": "s", "ShardLevelMetrics": []any{"IncomingBytes"}})
	if !slices.Equal(off.CurrentShardLevelMetrics, allMetrics) || !slices.Equal(off.DesiredShardLevelMetrics, allMetrics[1:]) {
		t.Errorf("from %q to %q, want all but the first", off.CurrentShardLevelMetrics, off.DesiredShardLevelMetrics)
	}
	ok[DisableEnhancedMonitoringOutput](r, "DisableEnhancedMonitoring", in{"StreamName": "s", "ShardLevelMetrics": []any{"ALL"}})
	if got := r.summary("s").EnhancedMonitoring; len(got) != 1 || len(got[0].ShardLevelMetrics) != 0 {
		t.Errorf("without any: %v", got)
	}
}

func TestAccountLimitsAndSettings(t *testing.T) {
	r := newRig(t, func(r *rig) { r.limit = 20 })
	r.create("s", 3)
	ok[api.Void](r, "CreateStream", in{"StreamName": "d"})
	got := ok[DescribeLimitsOutput](r, "DescribeLimits", in{})
	if want := (&DescribeLimitsOutput{ShardLimit: 20, OpenShardCount: 7, OnDemandStreamCount: 1, OnDemandStreamCountLimit: 50}); !cmp.Equal(got, want) {
		t.Errorf("limits %+v, want %+v", got, want)
	}
	status := func() *MinimumThroughputBillingCommitmentOutput {
		return ok[DescribeAccountSettingsOutput](r, "DescribeAccountSettings", in{}).MinimumThroughputBillingCommitment
	}
	set := func(to string) error {
		_, err := r.do(alice, region, "UpdateAccountSettings", in{"MinimumThroughputBillingCommitment": in{"Status": to}})
		return err
	}
	if got := status(); got.Status != "DISABLED" || !got.StartedAt.IsZero() {
		t.Errorf("at first %+v, want DISABLED", got)
	}
	if err := set("ENABLED"); err != nil {
		t.Fatal(err)
	}
	if got := status(); got.Status != "ENABLED" || !got.StartedAt.Equal(testTime) || !got.EarliestAllowedEndAt.Equal(testTime.Add(day)) {
		t.Errorf("then %+v, want ENABLED", got)
	}
	if e, refused := api.AsException(set("DISABLED")); !refused || e.Code != "InvalidArgumentException" {
		t.Errorf("ended within a day: %v, want InvalidArgumentException", e)
	}
	r.clock.advance(25 * time.Hour)
	if err := set("DISABLED"); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if got := status(); got.Status != "DISABLED" || !got.EndedAt.Equal(testTime.Add(25*time.Hour)) {
		t.Errorf("at last %+v, want DISABLED", got)
	}
	if out, err := r.do(bob, region, "DescribeAccountSettings", in{}); err != nil || out.(*DescribeAccountSettingsOutput).MinimumThroughputBillingCommitment.Status != "DISABLED" {
		t.Errorf("another account: %v, %v", out, err)
	}
}

func TestSettingsNeedAnActiveStreamOfTheCaller(t *testing.T) {
	r := newRig(t)
	ok[api.Void](r, "CreateStream", in{"StreamName": "s", "ShardCount": number(1)})
	for op, members := range map[string]in{
		"UpdateStreamMode":                       {"StreamModeDetails": in{"StreamMode": modeOnDemand}},
		"IncreaseStreamRetentionPeriod":          {"RetentionPeriodHours": number(48)},
		"DecreaseStreamRetentionPeriod":          {"RetentionPeriodHours": number(24)},
		"UpdateMaxRecordSize":                    {"MaxRecordSizeInKiB": number(2048)},
		"UpdateStreamWarmThroughput":             {"WarmThroughputMiBps": number(1)},
		"UpdateStreamRecordDistributionStrategy": {"RecordDistributionStrategy": distributionAuto},
		"StartStreamEncryption":                  {"EncryptionType": "KMS", "KeyId": "k"},
		"StopStreamEncryption":                   {"EncryptionType": "KMS", "KeyId": "k"},
		"EnableEnhancedMonitoring":               {"ShardLevelMetrics": []any{"ALL"}},
		"DisableEnhancedMonitoring":              {"ShardLevelMetrics": []any{"ALL"}},
		"SplitShard":                             {"ShardToSplit": "0", "NewStartingHashKey": "9"},
		"MergeShards":                            {"ShardToMerge": "0", "AdjacentShardToMerge": "1"},
		"UpdateShardCount":                       {"TargetShardCount": number(2), "ScalingType": "UNIFORM_SCALING"},
		"AddTagsToStream":                        {"Tags": in{"k": "v"}},
		"RemoveTagsFromStream":                   {"TagKeys": []any{"k"}},
	} {
		members["StreamARN"] = string(streamS)
		r.refused(op, members, "ResourceInUseException", "Stream s under account 111111111111 not ACTIVE, instead in state CREATING")
		r.refusedAs(bob, region, op, members, "ResourceNotFoundException", "Stream s under account 111111111111 not found.")
		r.refusedAs(alice, "eu-west-1", op, members, "ResourceNotFoundException", "Stream s under account 111111111111 not found.")
	}
}
