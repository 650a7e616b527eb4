package main

import (
	"context"
	"fmt"
	"time"
)

// makeStream makes a stream and returns how long it took to be ACTIVE.
func (c *child) makeStream(ctx context.Context, account, name string, shards int) (time.Duration, error) {
	began := time.Now()
	if err := c.kinesisAs(ctx, account, "CreateStream", map[string]any{"StreamName": name, "ShardCount": shards}, nil); err != nil {
		return 0, err
	}
	for {
		var out struct {
			StreamDescriptionSummary struct{ StreamStatus string }
		}
		// The shortest pause that --quotas aws admits.
		if err := c.kinesisAs(ctx, account, "DescribeStreamSummary", map[string]any{"StreamName": name}, &out); err != nil {
			return 0, err
		}
		if out.StreamDescriptionSummary.StreamStatus == "ACTIVE" {
			return time.Since(began), nil
		}
		time.Sleep(60 * time.Millisecond)
	}
}

// openDestination makes a stream in an account, and a destination of the same name
// that leads there and admits everybody. It returns the destination's ARN.
func (c *child) openDestination(ctx context.Context, account, name string, shards int) (string, error) {
	var (
		stream = "arn:aws:kinesis:us-east-1:" + account + ":stream/" + name
		role   = "arn:aws:iam::" + account + ":role/" + name
		dest   = "arn:aws:logs:us-east-1:" + account + ":destination:" + name
	)
	if _, err := c.makeStream(ctx, account, name, shards); err != nil {
		return "", err
	}
	if err := c.iam(ctx, account, "CreateRole", map[string]any{"RoleName": name, "AssumeRolePolicyDocument": `{"Statement":{"Effect":"Allow","Principal":{"Service":"logs.us-east-1.amazonaws.com"},"Action":"sts:AssumeRole"}}`}); err != nil {
		return "", err
	}
	if err := c.iam(ctx, account, "PutRolePolicy", map[string]any{"RoleName": name, "PolicyName": "put", "PolicyDocument": `{"Statement":{"Effect":"Allow","Action":"kinesis:PutRecord","Resource":"` + stream + `"}}`}); err != nil {
		return "", err
	}
	if err := c.logs(ctx, account, "PutDestination", map[string]any{"destinationName": name, "targetArn": stream, "roleArn": role}, nil); err != nil {
		return "", err
	}
	return dest, c.logs(ctx, account, "PutDestinationPolicy", map[string]any{"destinationName": name, "accessPolicy": `{"Statement":{"Effect":"Allow","Principal":"*","Action":"logs:PutSubscriptionFilter","Resource":"` + dest + `"}}`}, nil)
}

// makeGroup makes a log group of the sender with so many log streams.
func (c *child) makeGroup(ctx context.Context, group string, streams int) error {
	if err := c.logs(ctx, sender, "CreateLogGroup", map[string]any{"logGroupName": group}, nil); err != nil {
		return err
	}
	return inParallel(64, streams, func(i int) error {
		return c.logs(ctx, sender, "CreateLogStream", map[string]any{"logGroupName": group, "logStreamName": streamName(i)}, nil)
	})
}

func streamName(i int) string { return fmt.Sprintf("writer-%05d", i) }

// subscribe sends all events of a group to a destination.
func (c *child) subscribe(ctx context.Context, group, filter, destination string) error {
	return c.logs(ctx, sender, "PutSubscriptionFilter", map[string]any{"logGroupName": group, "filterName": filter, "filterPattern": "", "destinationArn": destination}, nil)
}

// subscribeOne makes a log group of so many log streams and a stream of so many shards,
// both called bench, and sends the group's events there.
func (c *child) subscribeOne(ctx context.Context, streams, shards int) error {
	dest, err := c.openDestination(ctx, recipient, "bench", shards)
	if err != nil {
		return err
	}
	if err := c.makeGroup(ctx, "bench", streams); err != nil {
		return err
	}
	return c.subscribe(ctx, "bench", "bench", dest)
}

// A subscription is what ListSubscriptionStatus tells of a filter.
type subscription struct {
	FilterName, State                               string
	DeliveredEvents, DroppedEvents, ThrottledEvents int64
}

// subscriptions are the sender's.
func (c *child) subscriptions(ctx context.Context) ([]subscription, error) {
	var out struct{ Subscriptions []subscription }
	err := c.client(sender).JSON(ctx, "tributary", "Tributary_20261121.ListSubscriptionStatus", struct{}{}, &out)
	return out.Subscriptions, err
}

// delivered is how many events of all the sender's filters are in their shards.
func (c *child) delivered(ctx context.Context) (events int64, err error) {
	all, err := c.subscriptions(ctx)
	for _, one := range all {
		events += one.DeliveredEvents
	}
	return events, err
}

// patience is how long delivery may stand still before a measure gives up.
const patience = 30 * time.Second

// untilDelivered waits until so many events of the sender are in shards.
func (c *child) untilDelivered(ctx context.Context, want int64) error {
	last, progress := int64(-1), time.Now()
	for {
		asked := time.Now()
		got, err := c.delivered(ctx)
		switch {
		case err != nil:
			return err
		case got == want:
			return nil
		case got > want:
			return fmt.Errorf("%d events were delivered of %d that were put", got, want)
		case got != last:
			last, progress = got, time.Now()
		case time.Since(progress) > patience:
			return fmt.Errorf("%d events have been delivered of %d, and no more for %v", got, want, patience)
		}
		time.Sleep(max(5*time.Millisecond, 4*time.Since(asked))) // asking is to cost little
	}
}
