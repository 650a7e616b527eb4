package logs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

func TestLogGroupIsShownAsAWSShowsIt(t *testing.T) {
	r := newRig(t)
	r.void(root(sender), "CreateLogGroup", in{"logGroupName": "/app/web", "kmsKeyId": "key", "tags": in{"a": "1"}})
	r.void(root(sender), "PutRetentionPolicy", in{"logGroupName": "/app/web", "retentionInDays": 7})
	got := ok[DescribeLogGroupsOutput](r, root(sender), "DescribeLogGroups", in{}).LogGroups
	if len(got) != 1 {
		t.Fatalf("got %d groups, want 1", len(got))
	}
	g := got[0]
	if g.ARN != "arn:aws:logs:us-east-1:111111111111:log-group:/app/web:*" ||
		g.LogGroupARN != "arn:aws:logs:us-east-1:111111111111:log-group:/app/web" ||
		g.LogGroupClass != "STANDARD" || *g.CreationTime != testTime.UnixMilli() || *g.MetricFilterCount != 0 ||
		*g.StoredBytes != 0 || *g.DeletionProtectionEnabled || g.KmsKeyID != "key" || *g.RetentionInDays != 7 {
		t.Errorf("got %+v", g)
	}
	r.void(root(sender), "DeleteRetentionPolicy", in{"logGroupName": "/app/web"})
	if g := ok[DescribeLogGroupsOutput](r, root(sender), "DescribeLogGroups", in{}).LogGroups[0]; g.RetentionInDays != nil {
		t.Errorf("got %d days after the policy was deleted, want none", *g.RetentionInDays)
	}
}

func TestLogGroupRefusals(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	const noGroup = "The specified log group does not exist."
	long := strings.Repeat("a", 513)
	r.refused(root(sender), "CreateLogGroup", in{"logGroupName": "g"}, "ResourceAlreadyExistsException", "The specified log group already exists")
	r.refused(root(sender), "CreateLogGroup", in{"logGroupName": long}, "InvalidParameterException", "Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
	r.refused(root(sender), "CreateLogGroup", in{"logGroupName": "aws/mine"}, "InvalidParameterException", "Log groups starting with aws/ are reserved for AWS.")
	r.refused(root(sender), "CreateLogStream", in{"logGroupName": "g", "logStreamName": long}, "InvalidParameterException", "Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
	r.refused(root(sender), "DeleteLogGroup", in{"logGroupName": "h"}, "ResourceNotFoundException", noGroup)
	r.refused(root(other), "DeleteLogGroup", in{"logGroupName": "g"}, "ResourceNotFoundException", noGroup)
	r.refused(root(sender).in(away), "DeleteLogGroup", in{"logGroupName": "g"}, "ResourceNotFoundException", noGroup)
	r.refused(root(sender), "PutRetentionPolicy", in{"logGroupName": "g", "retentionInDays": 2}, "InvalidParameterException",
		"1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]")
	r.refused(root(sender), "PutRetentionPolicy", in{"logGroupName": "h", "retentionInDays": 1}, "ResourceNotFoundException", noGroup)
	r.refused(root(sender), "DescribeLogGroups", in{"logGroupNamePrefix": "a", "logGroupNamePattern": "b"}, "InvalidParameterException",
		"LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	r.refused(root(sender), "DescribeLogGroups", in{"nextToken": "x"}, "InvalidParameterException", "The specified nextToken is invalid.")

	r.void(root(sender), "CreateLogGroup", in{"logGroupName": "kept", "deletionProtectionEnabled": true})
	_, err := r.do(root(sender), "DeleteLogGroup", in{"logGroupName": "kept"})
	if e, ok := api.AsException(err); !ok || e.Code != "ValidationException" {
		t.Errorf("deletion of a protected group: got %v, want a ValidationException", err)
	}
}

func TestLogGroupsAreListedInPages(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"b", "a", "a/x", "a/y", "c", "aa", "b/a/"} {
		r.group(root(sender), name)
	}
	r.group(root(other), "a/other")
	list := func(members in) (names []string, pages int) {
		for {
			out := ok[DescribeLogGroupsOutput](r, root(sender), "DescribeLogGroups", members)
			for _, g := range out.LogGroups {
				names = append(names, g.LogGroupName)
			}
			pages++
			if out.NextToken == "" {
				return names, pages
			}
			members["nextToken"] = out.NextToken
		}
	}
	cases := []struct {
		members in
		want    string
		pages   int
	}{
		{in{}, "a a/x a/y aa b b/a/ c", 1},
		{in{"limit": 2}, "a a/x a/y aa b b/a/ c", 4},
		{in{"logGroupNamePrefix": "a", "limit": 2}, "a a/x a/y aa", 2},
		{in{"logGroupNamePrefix": "a/"}, "a/x a/y", 1},
		{in{"logGroupNamePrefix": "z"}, "", 1},
		{in{"logGroupNamePattern": "/"}, "a/x a/y b/a/", 2}, // AWS gives a token even for one hit
		{in{"logGroupIdentifiers": []string{"b", "arn:aws:logs:us-east-1:111111111111:log-group:c"}}, "b c", 1},
		{in{"accountIdentifiers": []string{"222222222222"}}, "", 1},
	}
	for _, c := range cases {
		asked := fmt.Sprint(c.members)
		if names, pages := list(c.members); strings.Join(names, " ") != c.want || pages != c.pages {
			t.Errorf("%s: got %v in %d pages, want %s in %d", asked, names, pages, c.want, c.pages)
		}
	}
}

func TestTokensOfListsAreOfNoUseElsewhere(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"a", "b", "c"} {
		r.group(root(sender), name)
		r.group(root(other), name)
	}
	token := ok[DescribeLogGroupsOutput](r, root(sender), "DescribeLogGroups", in{"limit": 1}).NextToken
	const invalid = "The specified nextToken is invalid."
	r.refused(root(other), "DescribeLogGroups", in{"nextToken": token}, "InvalidParameterException", invalid)
	r.refused(root(sender).in(away), "DescribeLogGroups", in{"nextToken": token}, "InvalidParameterException", invalid)
	r.refused(root(sender), "DescribeLogGroups", in{"nextToken": token, "logGroupNamePrefix": "a"}, "InvalidParameterException", invalid)
	r.refused(root(sender), "DescribeDestinations", in{"nextToken": token}, "InvalidParameterException", invalid)
	r.refused(root(sender), "DescribeLogGroups", in{"nextToken": token[:9] + string(token[9]^1) + token[10:]}, "InvalidParameterException", invalid)
}

func TestStreamsGoWithTheirGroup(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s", "t")
	r.put(root(sender), "g", "s", r.at(0), "before")
	r.refused(root(sender), "CreateLogStream", in{"logGroupName": "g", "logStreamName": "s"}, "ResourceAlreadyExistsException", "The specified log stream already exists")
	r.void(root(sender), "DeleteLogGroup", in{"logGroupName": "g"})
	r.refused(root(sender), "CreateLogStream", in{"logGroupName": "g", "logStreamName": "s"}, "ResourceNotFoundException", "The specified log group does not exist.")
	r.group(root(sender), "g")
	r.refused(root(sender), "PutLogEvents", in{"logGroupName": "g", "logStreamName": "s", "logEvents": eventList([]any{r.at(0), "x"})},
		"ResourceNotFoundException", "The specified log stream does not exist.")
	r.void(root(sender), "CreateLogStream", in{"logGroupName": "g", "logStreamName": "s"})
	if got := r.messages(root(sender), "g", "s"); len(got) != 0 {
		t.Errorf("the new stream shows %q of the old one", got)
	}

	// What Run does for the orphans that a crash has left.
	orphan := groupOf(&api.Call{Region: home, Caller: root(sender).caller}, "g").stream("u")
	if _, err := r.service.streams.Create(t.Context(), orphan.key(), stream{Group: "an earlier one", ID: 7}); err != nil {
		t.Fatal(err)
	}
	if err := r.service.collect(t.Context(), catalog.Key{}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for k := range r.service.streams.Scan(catalog.Key{}) {
		names = append(names, k.String())
	}
	if want := []string{"111111111111/us-east-1/g/s"}; !slices.Equal(names, want) {
		t.Errorf("streams in the table: got %q, want %q", names, want)
	}
}

func TestDeletedStreamIsGone(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "s")
	r.put(root(sender), "g", "s", r.at(0), "old")
	r.void(root(sender), "DeleteLogStream", in{"logGroupName": "g", "logStreamName": "s"})
	r.refused(root(sender), "DeleteLogStream", in{"logGroupName": "g", "logStreamName": "s"}, "ResourceNotFoundException", "The specified log stream does not exist.")
	r.void(root(sender), "CreateLogStream", in{"logGroupName": "g", "logStreamName": "s"})
	r.put(root(sender), "g", "s", r.at(0), "new")
	if got, want := r.messages(root(sender), "g", "s"), []string{"new"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogStreamsAreListedByNameOrByLastEvent(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g", "b", "a", "ab", "c")
	r.put(root(sender), "g", "a", r.at(-3000e6), "m", r.at(-2000e6), "m")
	r.put(root(sender), "g", "c", r.at(-5000e6), "m")
	list := func(members in) (names []string) {
		members["logGroupName"] = "g"
		for {
			out := ok[DescribeLogStreamsOutput](r, root(sender), "DescribeLogStreams", members)
			for _, s := range out.LogStreams {
				names = append(names, s.LogStreamName)
			}
			if out.NextToken == "" {
				return names
			}
			members["nextToken"] = out.NextToken
		}
	}
	cases := []struct {
		members in
		want    string
	}{
		{in{}, "a ab b c"},
		{in{"limit": 1}, "a ab b c"},
		{in{"limit": 2, "descending": true}, "c b ab a"},
		{in{"logStreamNamePrefix": "a", "limit": 1}, "a ab"},
		{in{"orderBy": "LastEventTime", "limit": 1}, "ab b c a"},
		{in{"orderBy": "LastEventTime", "limit": 3, "descending": true}, "a c b ab"},
	}
	for _, c := range cases {
		asked := fmt.Sprint(c.members)
		if got := strings.Join(list(c.members), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", asked, got, c.want)
		}
	}
	r.refused(root(sender), "DescribeLogStreams", in{"logGroupName": "g", "orderBy": "LastEventTime", "logStreamNamePrefix": "a"},
		"InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
	r.refused(root(sender), "DescribeLogStreams", in{"logGroupName": "g", "logGroupIdentifier": "g"},
		"ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	r.refused(root(other), "DescribeLogStreams", in{"logGroupIdentifier": "arn:aws:logs:us-east-1:111111111111:log-group:g"},
		"ResourceNotFoundException", "The specified log group does not exist.")

	streams := ok[DescribeLogStreamsOutput](r, root(sender), "DescribeLogStreams", in{"logGroupIdentifier": "arn:aws:logs:us-east-1:111111111111:log-group:g"}).LogStreams
	if s := streams[0]; *s.FirstEventTimestamp != r.at(-3000e6) || *s.LastEventTimestamp != r.at(-2000e6) || *s.LastIngestionTime != r.at(0) ||
		s.ARN != "arn:aws:logs:us-east-1:111111111111:log-group:g:log-stream:a" || *s.StoredBytes != 0 {
		t.Errorf("stream with events: got %+v", s)
	}
	if s := streams[1]; s.FirstEventTimestamp != nil || s.LastEventTimestamp != nil || s.LastIngestionTime != nil || s.UploadSequenceToken != "" {
		t.Errorf("stream without events: got %+v", s)
	}
}

// TestAPageOfLogStreamsCostsWhatItShows: paging through a group must not look at all
// of its streams for each page.
func TestAPageOfLogStreamsCostsWhatItShows(t *testing.T) {
	r := newRig(t)
	const streams = 150
	names := make([]string, streams)
	for i := range names {
		names[i] = fmt.Sprintf("stream-%03d", i)
	}
	r.group(root(sender), "few", names[0])
	r.group(root(sender), "many", names...)
	cost := func(group string) float64 {
		return testing.AllocsPerRun(10, func() {
			got := ok[DescribeLogStreamsOutput](r, root(sender), "DescribeLogStreams", in{"logGroupName": group, "limit": 1})
			if len(got.LogStreams) != 1 || got.LogStreams[0].LogStreamName != names[0] {
				t.Fatalf("got %v, want %s", got.LogStreams, names[0])
			}
		})
	}
	if few, many := cost("few"), cost("many"); many > few+streams {
		t.Errorf("a page of one stream takes %.0f allocations among %d streams and %.0f when there is no other", many, streams, few)
	}
}

func TestTagsOfGroupsAndDestinations(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	for _, c := range []struct {
		user user
		arn  string
	}{
		{root(sender), "arn:aws:logs:us-east-1:111111111111:log-group:g"},
		{root(recipient), "arn:aws:logs:us-east-1:999999999999:destination:d"},
	} {
		tags := func() string {
			return fmt.Sprint(ok[ListTagsForResourceOutput](r, c.user, "ListTagsForResource", in{"resourceArn": c.arn}).Tags)
		}
		if got := tags(); got != "map[]" {
			t.Errorf("%s: got %s at first, want none", c.arn, got)
		}
		r.void(c.user, "TagResource", in{"resourceArn": c.arn, "tags": in{"a": "1", "b": "2"}})
		r.void(c.user, "TagResource", in{"resourceArn": c.arn, "tags": in{"b": "3"}})
		r.void(c.user, "UntagResource", in{"resourceArn": c.arn, "tagKeys": []string{"a", "z"}})
		if got := tags(); got != "map[b:3]" {
			t.Errorf("%s: got %s, want map[b:3]", c.arn, got)
		}
		many := in{}
		for i := range maxTags {
			many[fmt.Sprint("k", i)] = ""
		}
		_, err := r.do(c.user, "TagResource", in{"resourceArn": c.arn, "tags": many})
		if e, ok := api.AsException(err); !ok || e.Code != "TooManyTagsException" || e.Members["resourceName"] != c.arn {
			t.Errorf("%s: 51 tags: got %v, want TooManyTagsException", c.arn, err)
		}
	}
	r.void(root(sender), "TagLogGroup", in{"logGroupName": "g", "tags": in{"c": "4"}})
	r.void(root(sender), "UntagLogGroup", in{"logGroupName": "g", "tags": []string{"b"}})
	if got := ok[ListTagsLogGroupOutput](r, root(sender), "ListTagsLogGroup", in{"logGroupName": "g"}).Tags; fmt.Sprint(got) != "map[c:4]" {
		t.Errorf("by the older operations: got %v, want map[c:4]", got)
	}
	r.refused(root(sender), "ListTagsForResource", in{"resourceArn": "arn:aws:logs:us-east-1:111111111111:log-group:h"}, "ResourceNotFoundException", "The specified log group does not exist.")
	if _, err := r.do(root(other), "ListTagsForResource", in{"resourceArn": "arn:aws:logs:us-east-1:111111111111:log-group:g"}); err == nil {
		t.Error("another account sees the tags")
	}
}
