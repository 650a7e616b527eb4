// Package client speaks to a running Tributary, or to AWS, for the subcommands:
// it signs requests, and it reads a command of the AWS CLI the way the CLI does,
// so that what the demo prints is what the demo runs.
package client
