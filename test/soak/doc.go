// Package soak makes things go wrong under load and judges from outside what the
// users of the program would see. Every rig counts something, and every rig has been
// seen to find the fault that it is there for: a test lets a second build of the
// program, which has all the faults in it (build_test.go), leave out the matching
// protection, and wants to be told.
//
//	rig          what it does                                    fault that it must find
//	kill         SIGKILL under load, start again                 marks of lanes ignored
//	power        the file system is cut off under load: what     no fsync
//	             was not synced is gone (ext4, xfs)
//	order        strace: every 200 comes after an fsync of the   no fsync
//	             block that holds what it acknowledges
//	points       the process dies at its n-th fsync, rename or   marks of lanes ignored
//	             unlink, for every n of a story
//	disk         fsync fails, is slow; the disk is full          failures not heard
//	damage       each file of the data directory: a bit flipped, blocks believed, and
//	             cut short, removed                              missing ones skipped
//	clock        the clock jumps under load                      retention by the wall clock
//	revocation   a permission is taken away under load, and      no gate, no waiting for
//	             while an append is not answered                 that append
//	hostile      5,000 slow clients, bombs and floods against a  no bounds on clients,
//	             server in 256 MiB, while others put and get     no timeout for heads
//
// # How much
//
// Plain "go test" kills the program a few times and skips the rest. RIGS=ci, in
// scripts/check, runs each rig for a while, some 7 minutes together, but for the days
// without a destination, of which "go test ./internal/delivery" plays one. RIGS=soak runs each rig until its
// goal or its share of SOAK_MINUTES is reached; "make soak-a" and "make soak-b" do, and
// leave a report in docs/soak. A run prints its seed; RIG_SEED repeats one.
//
// The rigs that need root, loop devices or strace say so and skip, except where CI=true.
package soak
