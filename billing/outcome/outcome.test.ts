import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { seconds, versionFor, type Condition, type DefinitionWhole, type OutcomeRule, type Terms, type VersionRow } from './definition.ts';
import { archiveDefinition, createDefinition, createVersion } from './define.ts';
import { judge, judgeBy, type Contest, type SubjectEvent } from './settle.ts';
import { refuseTerms } from './terms.ts';

const HOUR = 3_600;
const DAY = 86_400;

const rule = (event_name: string, effect: OutcomeRule['effect'], more: Partial<OutcomeRule> = {}): OutcomeRule => ({ event_name, effect, conditions: [], outcome: null, quiet_for: null, within: null, requires_open: false, final: false, ...more });

const terms = (rules: OutcomeRule[], more: Partial<Terms> = {}): Terms => ({ timing: 'settled_at', outcomes: [{ name: 'resolution', meter: 'mtr_r' }], rules, ...more });

const version = (of: Terms, number = 1, effective_from: number | null = null): VersionRow => ({ ...of, id: `odv_${number}`, created: 0, definition: 'odef_1', version: number, effective_from });

const where = (key: string, operator: Condition['operator'], value: string | null = null): Condition => ({ key, operator, value, values: null });

const AGENT = terms([
  rule('answered', 'open', { quiet_for: '24h', conditions: [{ key: 'channel', operator: 'ne', value: 'voice', values: null }] }),
  rule('confirmed', 'succeed', { requires_open: true }),
  rule('read', 'extend'),
  rule('asked', 'fail'),
  rule('handed_over', 'fail', { final: true }),
  rule('reopened', 'reverse', { within: '30d' }),
  rule('reopened', 'fail'),
]);

const TWO = terms(
  [
    rule('answered', 'open', { outcome: 'resolution', quiet_for: '1d' }),
    rule('booked', 'open', { outcome: 'qualification', quiet_for: '3d' }),
    rule('qualified', 'succeed', { outcome: 'qualification' }),
    rule('disqualified', 'reverse', { outcome: 'qualification' }),
    rule('reopened', 'reverse', { within: '30d' }),
  ],
  { outcomes: [{ name: 'qualification', meter: 'mtr_q' }, { name: 'resolution', meter: 'mtr_r' }] },
);

let n = 0;
const event = (at: number, name: string, payload: Record<string, string> = { channel: 'chat' }, identifier = `e${n++}`): SubjectEvent => ({ identifier, name, at, payload });

type Seen = { state: string; outcome?: string; basis?: string; at?: number; due?: number | null };

function seen(of: Terms, events: SubjectEvent[], now: number, contests: Contest[] = []): Seen {
  const { state, success, counted, due_at } = judgeBy(version(of), events, contests, now);
  return { state, ...(success && { outcome: success.outcome, basis: success.basis }), ...(counted && { at: counted.at }), ...(due_at !== null && { due: due_at }) };
}

describe('one outcome', () => {
  const table: [string, [number, string, Record<string, string>?][], number, Seen][] = [
    ['an answer opens and waits', [[0, 'answered']], HOUR, { state: 'open', due: DAY }],
    ['a second before its time nothing is decided', [[0, 'answered']], DAY - 1, { state: 'open', due: DAY }],
    ['silence for a day is a success, at its moment', [[0, 'answered']], 3 * DAY, { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY }],
    ['each answer waits anew', [[0, 'answered'], [HOUR, 'answered']], DAY, { state: 'open', due: DAY + HOUR }],
    ['what was read waits anew, too', [[0, 'answered'], [HOUR, 'read']], DAY, { state: 'open', due: DAY + HOUR }],
    ['a thank-you is a success at once', [[0, 'answered'], [60, 'confirmed']], 60, { state: 'succeeded', outcome: 'resolution', basis: 'confirmed', at: 60 }],
    ['a thank-you for nothing is none', [[60, 'confirmed']], DAY, { state: 'new' }],
    ['a question ends the waiting', [[0, 'answered'], [60, 'asked']], 9 * DAY, { state: 'failed' }],
    ['an answer to it waits again', [[0, 'answered'], [60, 'asked'], [90, 'answered']], HOUR, { state: 'open', due: DAY + 90 }],
    ['who was handed over is never a success again', [[0, 'answered'], [60, 'handed_over'], [90, 'answered']], 9 * DAY, { state: 'failed' }],
    ['who comes back takes it back', [[0, 'answered'], [DAY + 1, 'reopened']], 9 * DAY, { state: 'reversed' }],
    ['at the very end of the silence the success comes first', [[0, 'answered'], [DAY, 'reopened']], 9 * DAY, { state: 'reversed' }],
    ['a second earlier it is no success yet', [[0, 'answered'], [DAY - 1, 'reopened']], 9 * DAY, { state: 'failed' }],
    ['on the thirtieth day it is taken back', [[0, 'answered'], [31 * DAY - 1, 'reopened']], 99 * DAY, { state: 'reversed' }],
    ['after thirty days it is too late', [[0, 'answered'], [31 * DAY, 'reopened']], 99 * DAY, { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY }],
    ['after it was taken back it may be earned again', [[0, 'answered'], [DAY, 'reopened'], [2 * DAY, 'answered']], 4 * DAY, { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: 3 * DAY }],
    ['an answer on another channel is none', [[0, 'answered', { channel: 'voice' }]], 9 * DAY, { state: 'new' }],
    ['nor is one that does not say', [[0, 'answered', {}]], 9 * DAY, { state: 'new' }],
    ['in one second the story goes as the rules do', [[5, 'confirmed'], [5, 'answered']], 5, { state: 'succeeded', outcome: 'resolution', basis: 'confirmed', at: 5 }],
  ];
  for (const [name, events, now, expected] of table) test(name, () => assert.deepEqual(seen(AGENT, events.map((each) => event(...each)), now), expected));

  test('a success occurred when its last answer was given', () => {
    const judged = judgeBy(version({ ...AGENT, timing: 'occurred_at' }), [event(0, 'answered'), event(100, 'answered'), event(200, 'read')], [], 9 * DAY);
    assert.deepEqual([judged.counted, judged.success!.settled_at], [{ meter: 'mtr_r', at: 100 }, DAY + 200]);
  });

  test('an event that was canceled was never sent', () => {
    assert.deepEqual(seen(AGENT, [event(0, 'answered'), { ...event(60, 'handed_over'), canceled: true }], DAY), { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY });
  });
});

describe('several outcomes', () => {
  const table: [string, [number, string][], number, Seen][] = [
    ['the dearer one takes the place of the cheaper one', [[0, 'answered'], [2 * DAY, 'qualified']], 2 * DAY, { state: 'succeeded', outcome: 'qualification', basis: 'confirmed', at: 2 * DAY }],
    ['the cheaper one does not take the place of the dearer one', [[0, 'qualified'], [1, 'answered']], 9 * DAY, { state: 'succeeded', outcome: 'qualification', basis: 'confirmed', at: 0 }],
    ['and has its place back when the dearer one is taken back', [[0, 'answered'], [2 * DAY, 'qualified'], [3 * DAY, 'disqualified']], 9 * DAY, { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY }],
    ['who comes back takes both back', [[0, 'answered'], [2 * DAY, 'qualified'], [3 * DAY, 'reopened']], 9 * DAY, { state: 'reversed' }],
    ['the dearer one still waits while the cheaper one counts', [[0, 'answered'], [0, 'booked']], 2 * DAY, { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY, due: 3 * DAY }],
  ];
  for (const [name, events, now, expected] of table) test(name, () => assert.deepEqual(seen(TWO, events.map((each) => event(...each)), now), expected));
});

describe('a contest', () => {
  const contest = (more: Partial<Contest> = {}): Contest => ({ outcome: 'resolution', at: 2 * DAY, reason: 'It did not help.', by: 'customer', held: true, resolution: null, ...more });
  const answered = [event(0, 'answered')];
  const table: [string, Contest, SubjectEvent[], Seen][] = [
    ['holds what is not billed', contest(), [], { state: 'contested', outcome: 'resolution', basis: 'assumed' }],
    ['leaves what is billed', contest({ held: false }), [], { state: 'contested', outcome: 'resolution', basis: 'assumed', at: DAY }],
    ['that is refused leaves it as it was', contest({ resolution: { accepted: false, at: 3 * DAY, reason: null } }), [], { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY }],
    ['that is accepted takes it back', contest({ resolution: { accepted: true, at: 3 * DAY, reason: null } }), [], { state: 'reversed' }],
    ['before the success is about nothing', contest({ at: DAY - 1 }), [], { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: DAY }],
    ['ends where the success is taken back meanwhile', contest({ resolution: { accepted: true, at: 9 * DAY, reason: null } }), [event(3 * DAY, 'reopened'), event(4 * DAY, 'answered')], { state: 'succeeded', outcome: 'resolution', basis: 'assumed', at: 5 * DAY }],
  ];
  for (const [name, given, more, expected] of table) test(name, () => assert.deepEqual(seen(AGENT, [...answered, ...more], 10 * DAY, [given]), expected));
});

describe('versions', () => {
  const definition = (more: Partial<DefinitionWhole> = {}): DefinitionWhole => ({
    id: 'odef_1', created: 0, updated: 0, display_name: 'Agent', subject_key: 'conversation', customer_key: 'stripe_customer_id', archived_at: null, metadata: {}, version: 3,
    versions: [version(AGENT), version(AGENT, 2, 10 * DAY), version(AGENT, 3, 10 * DAY)],
    ...more,
  });
  test('the newest of those in force at the beginning judges the whole subject', () => {
    assert.deepEqual([0, 10 * DAY - 1, 10 * DAY, 99 * DAY].map((at) => versionFor(definition(), at)?.version), [1, 1, 3, 3]);
    const late = event(9 * DAY, 'answered');
    assert.equal(judge(definition(), [event(11 * DAY, 'asked'), late], [], 20 * DAY).version!.version, 1);
    assert.equal(judge(definition(), [event(11 * DAY, 'asked'), { ...late, canceled: true }], [], 20 * DAY).version!.version, 3);
  });
  test('an archived definition goes on with what began before', () => {
    const archived = definition({ archived_at: 5 * DAY });
    assert.equal(judge(archived, [event(5 * DAY - 1, 'answered')], [], 9 * DAY).state, 'succeeded');
    assert.equal(judge(archived, [event(5 * DAY, 'answered')], [], 9 * DAY).state, 'ignored');
  });
});

test('each change of a definition is judged again by a timer of its own, so that a later one takes nothing from it', () => {
  let made = 0;
  const moment = (now: number) => ({ now, newId: (prefix: string) => `${prefix}_${(made += 1)}`, newSecret: () => '' });
  const around = { definitions: [], meters: [], named: new Map() };
  const given = { timing: 'settled_at' as const, rules: [{ event_name: 'solved', effect: 'succeed' as const }] };
  const { definition } = createDefinition({ ...given, display_name: 'Agent', subject_key: 'conversation', customer_key: 'stripe_customer_id' }, around, moment(0));
  const second = createVersion(definition, given, around, moment(DAY));
  const third = createVersion(second.definition, { ...given, effective_from: 9 * DAY }, around, moment(DAY));
  assert.deepEqual([second, third, archiveDefinition(third.definition, moment(2 * DAY))].map(({ timers }) => timers.map(({ subject }) => subject)), [[`odef_1:${DAY}`], [`odef_1:${9 * DAY}`], [`odef_1:${2 * DAY}`]]);
});

describe('a definition is refused', () => {
  const table: [string, Terms, string, RegExp][] = [
    ['that never succeeds', terms([rule('answered', 'open')]), 'outcomes[0][name]', /No rule leads to a success of the outcome `resolution`/],
    ['that names an outcome which is not there', terms([rule('a', 'succeed', { outcome: 'sale' })]), 'rules[0][outcome]', /rule 1 \(`a` → `succeed`\) names the outcome `sale`/],
    ['that does not say which outcome', { ...TWO, rules: [...TWO.rules, rule('won', 'succeed')] }, 'rules[5][outcome]', /must say which outcome/],
    ['with a time that belongs to another effect', terms([rule('a', 'succeed'), rule('b', 'fail', { within: '3d' })]), 'rules[1][within]', /belongs to rules that `reverse`/],
    ['with a duration that is none', terms([rule('a', 'open', { quiet_for: '24 hours' })]), 'rules[0][quiet_for]', /such as `24h`/],
    ['with a duration of years', terms([rule('a', 'open', { quiet_for: '401d' })]), 'rules[0][quiet_for]', /at most 400 days/],
    ['that says the same twice', terms([rule('a', 'succeed'), rule('a', 'succeed')]), 'rules[1]', /never comes to its turn/],
    ['with a rule behind a broader one', terms([rule('a', 'open', { quiet_for: '1d' }), rule('a', 'succeed', { requires_open: true, conditions: [where('score', 'gt', '5')] })]), 'rules[1]', /never comes to its turn: whenever it is for an event, so is the rule 1/],
    ['with a rule behind others that cover it together', terms([rule('a', 'succeed', { conditions: [{ key: 'by', operator: 'in', value: null, values: ['x', 'y'] }] }), rule('a', 'open', { quiet_for: '1d', conditions: [{ key: 'by', operator: 'not_in', value: null, values: ['y'] }] }), rule('a', 'fail', { conditions: [where('by', 'absent')] }), rule('a', 'fail')]), 'rules[3]', /so is one of the rules 1, 2, 3 before it/],
    ['with a narrower number behind a broader one', terms([rule('a', 'succeed', { conditions: [where('score', 'gte', '5')] }), rule('a', 'fail', { conditions: [where('score', 'eq', '7'), where('channel', 'eq', 'chat')] })]), 'rules[1]', /never comes to its turn/],
    ['with a shorter time behind a longer one', terms([rule('a', 'succeed'), rule('b', 'reverse', { within: '30d' }), rule('b', 'reverse', { within: '1w', final: true })]), 'rules[2]', /so is the rule 2 before it/],
    ['that waits for what nothing opens', terms([rule('a', 'succeed'), rule('b', 'extend')]), 'rules[1]', /no rule `open`s one/],
    ['with a rule for two channels at once', terms([rule('a', 'succeed', { conditions: [where('channel', 'eq', 'chat'), where('channel', 'eq', 'email')] })]), 'rules[0][conditions]', /its conditions on `channel` contradict each other/],
    ['with a number between nothing', terms([rule('a', 'succeed', { conditions: [where('score', 'gt', '5'), where('score', 'lte', '5')] })]), 'rules[0][conditions]', /contradict/],
    ['with a value that is there and is not', terms([rule('a', 'succeed', { conditions: [where('score', 'absent'), where('score', 'ne', '5')] })]), 'rules[0][conditions]', /contradict/],
    ['that compares with a word', terms([rule('a', 'succeed', { conditions: [{ key: 'score', operator: 'gte', value: 'high', values: null }] })]), 'rules[0][conditions][0][value]', /compares numbers/],
    ['with one meter for two outcomes', { ...TWO, outcomes: TWO.outcomes.map((each) => ({ ...each, meter: 'mtr_x' })) }, 'outcomes[1][meter]', /a meter of its own/],
  ];
  for (const [name, given, param, message] of table) test(name, () => assert.throws(() => refuseTerms(given), { param, message }));
  const fine = [
    AGENT, TWO,
    // Each of the second rules is for something that the first one leaves.
    terms([rule('a', 'succeed', { conditions: [where('score', 'gt', '5')] }), rule('a', 'fail', { conditions: [where('score', 'gte', '5')] })]),
    terms([rule('a', 'succeed', { conditions: [where('channel', 'ne', 'chat')] }), rule('a', 'fail', { conditions: [where('channel', 'absent')] })]),
    terms([rule('a', 'succeed', { conditions: [where('score', 'gt', '5'), where('score', 'lt', '5.1'), where('score', 'ne', '5.05')] })]),
    terms([rule('a', 'open', { quiet_for: '1d' }), rule('b', 'succeed', { requires_open: true }), rule('b', 'fail'), rule('c', 'reverse', { within: '1d' }), rule('c', 'reverse', { within: '2d', final: true })]),
    terms([rule('a', 'succeed', { conditions: [where('score', 'gt', '5')] }), rule('a', 'open', { quiet_for: '1d', conditions: [where('score', 'lt', '5')] }), rule('a', 'fail')]),
    { ...TWO, rules: [...TWO.rules, rule('answered', 'fail')] },
  ];
  test('and these are fine', () => fine.forEach(refuseTerms));
  test('durations', () => assert.deepEqual(['90s', '5m', '24h', '30d', '2w', '0h', '1.5h', ''].map(seconds), [90, 300, DAY, 30 * DAY, 14 * DAY, null, null, null]));
});

describe('properties', () => {
  const names = ['answered', 'confirmed', 'read', 'asked', 'handed_over', 'reopened', 'booked', 'qualified', 'disqualified', 'unknown'];
  const anEvent = fc.record({ at: fc.integer({ min: 0, max: 90 }).map((hours) => hours * 6 * HOUR), name: fc.constantFrom(...names), identifier: fc.constantFrom(...'abcdefghijklmnop'), canceled: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0) })
    .map(({ canceled, ...rest }): SubjectEvent => ({ ...rest, payload: { channel: 'chat' }, ...(canceled && { canceled }) }));
  const aHistory = fc.uniqueArray(anEvent, { maxLength: 12, selector: (each) => each.identifier });
  const aContest = fc.record({ at: fc.integer({ min: 0, max: 90 }), after: fc.integer({ min: 0, max: 20 }), accepted: fc.boolean(), held: fc.boolean(), outcome: fc.constantFrom('resolution', 'qualification') })
    .map(({ at, after, accepted, held, outcome }): Contest => ({ outcome, at: at * 6 * HOUR, reason: '', by: 'operator', held, resolution: { accepted, at: (at + after) * 6 * HOUR, reason: null } }));

  test('any order and any repetition of a set of events ends in the same', () => {
    fc.assert(
      fc.property(fc.constantFrom(AGENT, TWO), aHistory.chain((events) => fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length }), fc.subarray(events))), fc.option(aContest, { nil: undefined }), (of, [events, shuffled, again], contested) => {
        const contests = contested ? [contested] : [];
        const judged = (given: SubjectEvent[]) => judgeBy(version(of), given, contests, 99 * DAY);
        assert.deepEqual(judged([...shuffled, ...again]), judged(events));
      }),
      { numRuns: 10_000 },
    );
  });

  test('what is decided at a moment is what is decided there later, where nothing new is known', () => {
    fc.assert(
      fc.property(fc.constantFrom(AGENT, TWO), aHistory, fc.integer({ min: 0, max: 99 * 4 }), (of, events, quarter) => {
        const now = Math.max(quarter * 6 * HOUR, ...events.map((each) => each.at));
        const early = judgeBy(version(of), events, [], now);
        const late = judgeBy(version(of), events, [], 999 * DAY);
        assert.deepEqual(late.history.filter((step) => step.at <= now), early.history);
        assert.equal(early.history.every((step, index) => index === 0 || early.history[index - 1]!.at <= step.at), true);
      }),
      { numRuns: 2_000 },
    );
  });
});
