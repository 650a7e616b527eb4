// Package script holds stories told from outside: each *.txtar file here is run
// against a fresh tributary process with the AWS CLI that Debian ships.
//
// Besides the commands of testscript (exec, stdout, stderr, cmp, env, ...) a
// story has:
//
//	aws ACCOUNT WORD...       runs /usr/bin/aws as the root user of ACCOUNT, whose
//	                          access key id is its number
//	[!] waitfor REGEXP aws ACCOUNT WORD...
//	                          runs it until its output matches
//	capture NAME...           puts the words of the last output into variables
//	expand FILE...            replaces $NAME in files by the variables' values
//	put ACCOUNT GROUP STREAM FILE
//	                          puts each line of FILE as one event, stamped now
//	decode [FILE]             prints the envelopes in the answer of get-records, by
//	                          default the last output, one line of JSON each
//	received COUNT ACCOUNT WORD...
//	                          runs "aws ACCOUNT kinesis get-records WORD..." until
//	                          its records hold COUNT events, and prints those, one
//	                          line each: owner, log group, log stream, filter, text
//	tributary WORD...         runs the program itself
//	server stop|kill|start    SIGTERM, SIGKILL, and start on the same data
//
// The variables are ENDPOINT (the server's URL), ADDRESS (its host and port), DATA
// (its data directory), PROGRAM (the program's path) and WORK. A story waits only for something to happen, never for time to pass.
package script
