package soak_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tributary/internal/client"
)

// A story is a fixed series of calls, made one after the other, on a world. The
// server may die at any moment of it; then the step that was interrupted is made again
// on a new server, and whatever it finds done already is as good.
type story struct {
	*world
	done int // steps that have been answered
}

// again makes a call whose work an interrupted call may have done.
func again(err error) error {
	refusal, ok := errors.AsType[*client.Refusal](err)
	if ok && slices.ContainsFunc([]string{"AlreadyExists", "ResourceInUse", "NotFound", "NoSuchEntity"}, func(code string) bool {
		return strings.Contains(refusal.Code, code)
	}) {
		return nil
	}
	return err
}

// steps are the story. The steps put and delivered may be told more than once.
func (s *story) steps() []func(context.Context) error {
	logs := func(account, operation string, in object) func(context.Context) error {
		return func(ctx context.Context) error { return again(s.as(account).logs(ctx, operation, in, nil)) }
	}
	iam := func(action string, in object) func(context.Context) error {
		return func(ctx context.Context) error { return again(s.as(recipient).iam(ctx, action, in)) }
	}
	kinesis := func(operation string, in object) func(context.Context) error {
		return func(ctx context.Context) error { return again(s.as(recipient).kinesis(ctx, operation, in, nil)) }
	}
	active := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { return s.as(recipient).active(ctx, name) }
	}
	admit := func(ctx context.Context) error { return s.as(recipient).admit(ctx, "d", sender) }
	subscribe := func(name, distribution string) func(context.Context) error {
		return logs(sender, "PutSubscriptionFilter", object{
			"logGroupName": "g", "filterName": name, "filterPattern": "", "destinationArn": destination, "distribution": distribution,
		})
	}
	return []func(context.Context) error{
		kinesis("CreateStream", object{"StreamName": "s", "ShardCount": 2}), active("s"),
		iam("CreateRole", object{"RoleName": "r", "AssumeRolePolicyDocument": trustLogs}),
		iam("PutRolePolicy", object{"RoleName": "r", "PolicyName": "p", "PolicyDocument": mayPut}),
		logs(recipient, "PutDestination", object{"destinationName": "d", "targetArn": streamARN, "roleArn": roleARN}), admit,
		logs(sender, "CreateLogGroup", object{"logGroupName": "g"}),
		logs(sender, "CreateLogStream", object{"logGroupName": "g", "logStreamName": string(lineOf(0))}),
		logs(sender, "CreateLogStream", object{"logGroupName": "g", "logStreamName": string(lineOf(1))}),
		subscribe("in-order", "ByLogStream"), subscribe("spread", "Random"),
		s.putSome, s.delivered,
		logs(sender, "PutRetentionPolicy", object{"logGroupName": "g", "retentionInDays": 7}),
		iam("CreateUser", object{"UserName": "u"}), iam("CreateUser", object{"UserName": "v"}),
		iam("DeleteUser", object{"UserName": "u"}),
		s.putSome,
		logs(sender, "CreateLogGroup", object{"logGroupName": "h"}), logs(sender, "DeleteLogGroup", object{"logGroupName": "h"}),
		kinesis("CreateStream", object{"StreamName": "t", "ShardCount": 1}), active("t"),
		kinesis("DeleteStream", object{"StreamName": "t"}), s.streamGone,
		s.putSome, s.delivered,
		s.stopAndStart,
		s.putSome, s.delivered,
	}
}

// tell goes on with the story until its end or an error.
func (s *story) tell(ctx context.Context) error {
	for _, step := range s.steps()[s.done:] {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", s.done, err)
		}
		s.done++
	}
	return nil
}

func (s *story) putSome(ctx context.Context) error {
	for n := range 4 {
		if err := s.put(ctx, lineOf(n%2), 1+n); err != nil {
			return err
		}
	}
	return nil
}

// delivered waits until a consumer has seen everything that was acknowledged. It
// goes on waiting with the next server when this one dies.
func (s *story) delivered(ctx context.Context) error {
	server, _ := s.current()
	for deadline := time.Now().Add(patience); !s.complete(); {
		if time.Now().After(deadline) {
			return errNotDelivered
		}
		select {
		case <-server.Exited():
			return errors.New("the server has ended")
		default:
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

var errNotDelivered = errors.New("what was acknowledged is not delivered")

func (s *story) streamGone(ctx context.Context) error {
	for {
		err := s.as(recipient).kinesis(ctx, "DescribeStreamSummary", object{"StreamName": "t"}, nil)
		refusal, ok := errors.AsType[*client.Refusal](err)
		if ok && refusal.Code == "ResourceNotFoundException" {
			return nil
		}
		if err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (s *story) stopAndStart(context.Context) error {
	server, _ := s.current()
	select {
	case <-server.Exited(): // it was stopped when the last start failed
	default:
		if err := server.Stop(); err != nil {
			return err
		}
	}
	return s.start()
}

// ending compares what is there with what the story leaves.
func (s *story) ending(ctx context.Context) error {
	var groups struct {
		LogGroups []struct {
			LogGroupName    string
			RetentionInDays int
		}
	}
	var streams struct{ StreamNames []string }
	err := errors.Join(
		s.as(sender).logs(ctx, "DescribeLogGroups", object{}, &groups),
		s.as(recipient).kinesis(ctx, "ListStreams", object{}, &streams),
	)
	users, e := s.as(recipient).Query(ctx, "iam", "2010-05-08", "ListUsers", nil)
	policy, e2 := s.as(recipient).Query(ctx, "iam", "2010-05-08", "GetRolePolicy", object{"RoleName": "r", "PolicyName": "p"})
	if err := errors.Join(err, e, e2); err != nil {
		return err
	}
	list, _ := users["Users"].([]any)
	got := fmt.Sprintf("groups %v, streams %v, %d user, policy %v", groups.LogGroups, streams.StreamNames, len(list), policy["PolicyName"])
	if want := "groups [{g 7}], streams [s], 1 user, policy p"; got != want {
		return fmt.Errorf("at the end there are %s; want %s", got, want)
	}
	return nil
}
