package logs

import "testing"

func TestAccountDocument(t *testing.T) {
	got, err := parseAccountDocument(` {"DestinationArn":"d","RoleArn":"r","FilterPattern":"\u007b$.a = 1}","Distribution":"Random"} `)
	if want := (accountDocument{"d", "r", "{$.a = 1}", Random}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	got, err = parseAccountDocument(`{"FilterPattern":"","DestinationArn":"d"}`)
	if want := (accountDocument{"d", "", "", ByLogStream}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	const form = "it is not a JSON object of strings, each of them there once"
	for text, want := range map[string]string{
		``:   form,
		`[]`: form,
		`{"DestinationArn":"d","FilterPattern":""`:                              form,
		`{"DestinationArn":"d","FilterPattern":""},`:                            form,
		`{"DestinationArn":"d","FilterPattern":""}{}`:                           form,
		`{"DestinationArn":"d","FilterPattern":"","FilterPattern":""}`:          form,
		`{"DestinationArn":"d","FilterPattern":null}`:                           form,
		`{"DestinationArn":["d"],"FilterPattern":""}`:                           form,
		`{"DestinationArn":"d","FilterPattern":"\ud800"}`:                       form,
		`{"DestinationArn":"d","FilterPattern":"","destinationArn":"d"}`:        `there is no member "destinationArn"`,
		`{"DestinationArn":"d"}`:                                                "member FilterPattern is missing",
		`{"FilterPattern":""}`:                                                  "member DestinationArn is missing",
		`{"DestinationArn":"d","FilterPattern":"","Distribution":"ByLogGroup"}`: "member Distribution is neither ByLogStream nor Random",
	} {
		if _, err := parseAccountDocument(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
