package delivery

import (
	"crypto/md5"
	"encoding/hex"
	"io"

	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
)

// streamKey is the partition key of distribution ByLogStream: the MD5 of
// OWNER:GROUP:STREAM in lower-case hex, as in captured records.
func streamKey(owner arn.AccountID, group, stream string) string {
	h := md5.New()
	_, _ = io.WriteString(h, string(owner)+":"+group+":"+stream) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))
}

// spreadKey is the partition key of distribution Random. It differs from entry to
// entry but not from reading to reading: an entry that is read again after a
// crash must go to the shard it went to before, or it would be lost or doubled.
func spreadKey(source string, at journal.Position, o origin) string {
	h := md5.New()
	_, _ = io.WriteString(h, source+"\x00"+at.String()+"\x00"+string(o.owner)+"\x00"+o.group+"\x00"+o.filter)
	return hex.EncodeToString(h.Sum(nil))
}
