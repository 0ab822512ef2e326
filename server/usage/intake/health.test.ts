import assert from 'node:assert/strict';
import { test } from 'node:test';
import { healthOf, type Facts, type StreamFacts } from './health.ts';

const stream: StreamFacts = { name: 'KONTOR_USAGE_0', description: 'ours', storage: 'file', num_replicas: 3, retention: 'limits', discard: 'new', max_age: 0, max_bytes: -1, max_msgs: -1, max_msgs_per_subject: -1, max_msg_size: -1, duplicate_window: 120e9 };
const facts: Facts = { version: '2.12.3', max_payload: 1_048_576, disks: [{ server: 'The NATS server a', sync: 'always' }], streams: [stream], mark: 'ours' };
const changed = (change: Partial<StreamFacts>): Facts => ({ ...facts, streams: [{ ...stream, ...change }] });

test('a cluster of three that writes before it acknowledges is trusted', () => {
  for (const version of ['2.12.3', '2.12.10', '2.15.1', '3.0.0', '2.14.0-beta.1']) assert.deepEqual(healthOf({ ...facts, version }), { refusals: [], warnings: [] });
});

for (const [what, given, warning] of [
  ['an old version', { ...facts, version: '2.10.27' }, /version 2\.10\.27.*before 2\.12\.3/],
  ['a disk that nobody could ask about', { ...facts, disks: [] }, /cannot see.*sync_interval: always.*KONTOR_NATS_MONITOR_URL/],
  ['a disk that is written later', { ...facts, disks: [{ server: 'The NATS server b', sync: '120 seconds' }] }, /NATS server b acknowledges up to 120 seconds before.*sync_interval: always/],
  ['a server that does not say', { ...facts, disks: [{ server: 'The NATS server c', sync: null }] }, /server c does not say.*before 2\.10/],
  ['one server', changed({ num_replicas: 1 }), /kept by one server.*Run three servers/],
  ['two servers', changed({ num_replicas: 2 }), /kept by 2 servers.*Run three servers/],
  ['a short memory for names', changed({ duplicate_window: 1e9 }), /KONTOR_USAGE_0 forgets the names of messages after 1 seconds/],
] as const) {
  test(`warned of: ${what}`, () => {
    const { refusals, warnings } = healthOf(given);
    assert.deepEqual(refusals, []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, warning);
  });
}

for (const [what, given, refusal] of [
  ['small messages', { ...facts, max_payload: 65_536 }, /messages of 65536 bytes.*max_payload/],
  ['the streams of another installation', changed({ description: 'theirs' }), /another installation.*KONTOR_NATS_STREAM/],
  ['a stream in memory', changed({ storage: 'memory' }), /kept in memory/],
  ['a stream that forgets what is consumed', changed({ retention: 'workqueue' }), /retention "workqueue"/],
  ['a sealed stream', changed({ sealed: true }), /retention "sealed"/],
  ['a stream that forgets by age', changed({ max_age: 3600e9 }), /forgets messages after 3600 seconds/],
  ['a stream that throws away what is old', changed({ discard: 'old' }), /throws old messages away/],
  ['a limit for each subject', changed({ max_msgs_per_subject: 5 }), /throws old messages away/],
  ['a stream of small messages', changed({ max_msg_size: 1_000 }), /messages of 1000 bytes/],
] as const) {
  test(`refused: ${what}`, () => {
    const { refusals } = healthOf(given);
    assert.equal(refusals.length, 1);
    assert.match(refusals[0]!, refusal);
  });
}
