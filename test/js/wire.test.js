// The AWS SDK for JavaScript as a judge of the wire. Its Kinesis client speaks
// nothing but HTTP/2: in clear text with prior knowledge, over TLS by ALPN.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import https from "node:https";
import http2 from "node:http2";
import path from "node:path";
import { after, before, test } from "node:test";

import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogGroupsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";

import { start } from "./server.js";

const shard = "shardId-000000000000";
const stream = "from-javascript";
const streamARN = `arn:aws:kinesis:us-east-1:111111111111:stream/${stream}`;

let server;
let options;

before(async () => {
  server = await start();
  options = clientOptions(server.endpoint);
});
after(() => server?.stop());

function clientOptions(endpoint) {
  return {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "111111111111", secretAccessKey: "test" },
    maxAttempts: 1,
  };
}

async function makeStream(kinesis) {
  await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 1 }));
  await waitUntilStreamExists({ client: kinesis, maxWaitTime: 30, minDelay: 1 }, { StreamName: stream });
}

// text is the data of a record as a string.
const text = (record) => Buffer.from(record.Data).toString();

// readShard reads the shard from its beginning until it has given count records.
async function readShard(kinesis, count) {
  let { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({ StreamName: stream, ShardId: shard, ShardIteratorType: "TRIM_HORIZON" }),
  );
  const records = [];
  while (records.length < count) {
    const page = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    records.push(...page.Records);
    ShardIterator = page.NextShardIterator;
  }
  return records;
}

async function register(kinesis, name) {
  const { Consumer } = await kinesis.send(
    new RegisterStreamConsumerCommand({ StreamARN: streamARN, ConsumerName: name }),
  );
  for (let status = Consumer.ConsumerStatus; status !== "ACTIVE"; ) {
    const { ConsumerDescription } = await kinesis.send(
      new DescribeStreamConsumerCommand({ ConsumerARN: Consumer.ConsumerARN }),
    );
    status = ConsumerDescription.ConsumerStatus;
  }
  return Consumer.ConsumerARN;
}

test("records go in and out over HTTP/2", async (t) => {
  const kinesis = new KinesisClient(options);
  t.after(() => kinesis.destroy());
  await makeStream(kinesis);
  const sent = Array.from({ length: 100 }, (_, i) => `record ${i} of a thing: ü`);
  const put = await kinesis.send(
    new PutRecordsCommand({
      StreamName: stream,
      Records: sent.map((line, i) => ({ Data: Buffer.from(line), PartitionKey: `key-${i}` })),
    }),
  );
  assert.equal(put.FailedRecordCount, 0);
  assert.equal(put.Records.length, sent.length);
  const records = await readShard(kinesis, sent.length);
  assert.deepEqual(records.map(text), sent);
  assert.ok(records[0].ApproximateArrivalTimestamp instanceof Date);
  assert.ok(Math.abs(Date.now() - records[0].ApproximateArrivalTimestamp) < 60_000);
});

test("records are pushed to a subscriber", async (t) => {
  const kinesis = new KinesisClient(options);
  t.after(() => kinesis.destroy());
  const ConsumerARN = await register(kinesis, "reader");
  const { EventStream } = await kinesis.send(
    new SubscribeToShardCommand({ ConsumerARN, ShardId: shard, StartingPosition: { Type: "LATEST" } }),
  );
  const got = [];
  let last;
  for await (const { SubscribeToShardEvent: event } of EventStream) {
    if (last === undefined) {
      // The first event says that the subscription stands.
      await kinesis.send(new PutRecordCommand({ StreamName: stream, PartitionKey: "k", Data: Buffer.from("one") }));
      await kinesis.send(new PutRecordCommand({ StreamName: stream, PartitionKey: "k", Data: Buffer.from("two") }));
    }
    last = event;
    assert.equal(typeof event.MillisBehindLatest, "number");
    got.push(...event.Records.map(text));
    if (got.length >= 2) break;
  }
  assert.deepEqual(got, ["one", "two"]);
  assert.match(last.ContinuationSequenceNumber, /^\d{56}$/);
});

test("an exception inside a stream has its type", async (t) => {
  const kinesis = new KinesisClient(options);
  t.after(() => kinesis.destroy());
  const ConsumerARN = await register(kinesis, "leaving");
  const { EventStream } = await kinesis.send(
    new SubscribeToShardCommand({ ConsumerARN, ShardId: shard, StartingPosition: { Type: "LATEST" } }),
  );
  await assert.rejects(
    async () => {
      let told = false;
      for await (const _ of EventStream) {
        if (!told) await kinesis.send(new DeregisterStreamConsumerCommand({ ConsumerARN }));
        told = true;
      }
    },
    { name: "ResourceNotFoundException" },
  );
});

test("refusals have the SDK's types", async (t) => {
  const kinesis = new KinesisClient(options);
  t.after(() => kinesis.destroy());
  await assert.rejects(kinesis.send(new PutRecordCommand({ StreamName: "none", PartitionKey: "k", Data: Buffer.from("x") })), {
    name: "ResourceNotFoundException",
    message: "Stream none under account 111111111111 not found.",
  });
  await assert.rejects(kinesis.send(new GetRecordsCommand({ ShardIterator: "AAAA" })), {
    name: "InvalidArgumentException",
    message: "Invalid ShardIterator.",
  });
});

test("log events go in and out", async (t) => {
  const logs = new CloudWatchLogsClient(options);
  t.after(() => logs.destroy());
  const names = { logGroupName: "from/javascript", logStreamName: "stream" };
  await logs.send(new CreateLogGroupCommand({ logGroupName: names.logGroupName }));
  await logs.send(new CreateLogStreamCommand(names));
  const messages = ["one", 'two "quoted" \u0007', "drei ü 😀"];
  const put = await logs.send(
    new PutLogEventsCommand({ ...names, logEvents: messages.map((message) => ({ timestamp: Date.now(), message })) }),
  );
  assert.equal(put.rejectedLogEventsInfo, undefined);
  const { events } = await logs.send(new GetLogEventsCommand({ ...names, startFromHead: true }));
  assert.deepEqual(
    events.map((event) => event.message),
    messages,
  );
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({}));
  assert.equal(logGroups[0].logGroupName, names.logGroupName);
});

test("TLS, by ALPN and with a made certificate", async (t) => {
  const encrypted = await start("--tls-dev");
  t.after(() => encrypted.stop());
  const ca = readFileSync(path.join(encrypted.data, "tls", "ca.pem"));
  const session = http2.connect(encrypted.endpoint, { ca });
  await new Promise((resolve, reject) => session.once("connect", resolve).once("error", reject));
  assert.equal(session.alpnProtocol, "h2");
  session.close();
  const logs = new CloudWatchLogsClient({
    ...clientOptions(encrypted.endpoint),
    requestHandler: { httpsAgent: new https.Agent({ ca }) },
  });
  t.after(() => logs.destroy());
  assert.deepEqual((await logs.send(new DescribeLogGroupsCommand({}))).logGroups, []);
});
