// Package sdk tells the story of cross-account log sharing with the newest AWS
// SDK for Go, which finds the server through AWS_ENDPOINT_URL and nothing else.
// It judges the wire: requests as the SDK sends them, answers as it reads them,
// and refusals that arrive as the SDK's own exception types. It is a module of
// its own so that the SDK does not become a dependency of the program.
package sdk
