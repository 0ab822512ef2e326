import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DefinitionWhole } from '../../billing/outcome/definition.ts'
import { judge, type Contest as EngineContest } from '../../billing/outcome/settle.ts'
import { verdict, type Contest, type Definition, type Event, type Rule, type Verdict, type Version } from './outcome_reference.ts'

const COUNT = Number(process.env['KONTOR_TEST_OUTCOMES'] ?? 20_000)

/** A subject as its systems and people make it: events arrive in any order, and now and then somebody contests what stands at that moment by what is known then. */
type History = { definition: Definition, arrivals: Event[], contests: Contest[], now: number, shuffled: Event[] }

/** Few names, short times and small payloads, so that edges (the very end of a quiet time, several events in one second, late ones) are met all the time. */
function randomSubject(seed: number): History {
  let state = seed
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number) => low + Math.floor(random() * (high - low + 1)), chance = (p: number) => random() < p
  const one = <T>(...from: T[]): T => from[int(0, from.length - 1)]!
  const some = <T>(low: number, high: number, make: () => T): T[] => Array.from({ length: int(low, high) }, make)
  const shuffle = <T>(list: readonly T[]): T[] => list.map(each => [random(), each] as const).sort((a, b) => a[0] - b[0]).map(([, each]) => each)

  const condition = (): Rule['conditions'][number] => {
    const key = one('channel', 'score'), operator = one('eq', 'ne', 'in', 'not_in', 'gt', 'gte', 'lt', 'lte', 'exists', 'absent')
    const listed = operator.endsWith('in'), bare = operator === 'exists' || operator === 'absent'
    const value = listed || bare ? null : operator.startsWith('g') || operator.startsWith('l') ? one('5', '-3', '4.99') : one('chat', '5', '5.0', '')
    return { key, operator, value, values: listed ? one(['chat'], ['chat', 'mail'], ['5', '-3']) : null }
  }
  const rule = (outcomes: string[]): Rule => {
    const effect = one('open', 'open', 'extend', 'succeed', 'fail', 'reverse'), several = outcomes.length > 1
    return {
      event_name: one('answered', 'asked', 'confirmed', 'reopened'), conditions: chance(0.75) ? [] : some(1, 2, condition), effect,
      outcome: (effect === 'open' || effect === 'succeed') && several ? one(...outcomes) : one(null, ...outcomes),
      quiet_for: effect === 'open' && chance(0.8) ? one('1s', '3s', '5s', '10s', '1m') : null, within: effect === 'reverse' && chance(0.5) ? one('1s', '3s', '10s', '1m') : null,
      requires_open: effect === 'succeed' && chance(0.5), final: (effect === 'fail' || effect === 'reverse') && chance(0.3),
    }
  }
  const version = (number: number): Version => {
    const outcomes = ['gold', 'silver', 'bronze'].slice(0, int(1, 3))
    // Rules that would be refused, since they can have no effect, are judged all the same.
    return { version: number, effective_from: number === 1 ? null : int(0, 40), timing: one('occurred_at', 'settled_at'), outcomes: outcomes.map(name => ({ name, meter: `mtr_${name}` })), rules: some(2, 10, () => rule(outcomes)) }
  }
  const definition = { archived_at: chance(0.1) ? int(0, 40) : null, versions: [1, 2, 3].slice(0, one(1, 1, 2, 3)).map(version) }
  const events = some(0, 14, (): Event => ({
    name: one('answered', 'answered', 'asked', 'confirmed', 'reopened', 'noise'), identifier: one('a', 'b', 'c', 'é', 'z', '\u{ff5e}', '\u{1f600}'), at: int(0, 40), ...(chance(0.15) && { canceled: true }),
    payload: { ...(chance(0.7) && { channel: one('chat', 'mail', '') }), ...(chance(0.7) && { score: one('5', '5.0', '-3', 'five', '4.990') }) },
  }))
  const arrivals = [...new Map(events.map(event => [`${event.name} ${event.identifier}`, event])).values()]
  const now = int(20, 110), contests: Contest[] = []
  for (const at of some(0, 3, () => int(0, 60)).sort((a, b) => a - b)) {
    const { state: stands, success } = verdict(definition, arrivals.slice(0, int(0, 14)), contests, at)
    if (stands !== 'succeeded' || at > now || contests.some(each => each.resolution === null || each.resolution.at > at || each.outcome === success!.outcome)) continue
    const decided = at + int(0, 30)
    contests.push({ outcome: success!.outcome, at, held: chance(0.5), resolution: chance(0.7) && decided <= now ? { accepted: chance(0.5), at: decided } : null })
  }
  return { definition, arrivals, contests, now, shuffled: shuffle([...arrivals, ...arrivals.slice(0, 1)]) }
}

const whole = ({ archived_at, versions }: Definition) => ({ archived_at, versions: versions.map(each => ({ ...each, id: `v${each.version}`, created: 0, definition: 'odef_1' })) }) as unknown as DefinitionWhole

function judged(definition: Definition, events: readonly Event[], contests: readonly Contest[], now: number): Verdict {
  const { version, state, success, counted, due_at } = judge(whole(definition), events, contests.map(each => ({ reason: '', by: 'operator', ...each }) as EngineContest), now)
  return { version: version?.version ?? null, state, due_at, success: success && { outcome: success.outcome, basis: success.basis, occurred_at: success.occurred_at, settled_at: success.settled_at }, counted }
}

test('an outcome is what the rules say, computed a second time, and no order of arrival makes a difference', () => {
  const met = new Map<string, number>()
  for (let seed = 1; seed <= COUNT; seed++) {
    const { definition, arrivals, contests, now, shuffled } = randomSubject(seed)
    const expected = verdict(definition, arrivals, contests, now)
    assert.deepEqual(judged(definition, arrivals, contests, now), expected, `seed ${seed}`)
    assert.deepEqual(judged(definition, shuffled, contests.toReversed(), now), expected, `seed ${seed}, in another order`)
    const seen = [expected.state, expected.success?.basis, expected.version !== null && expected.version > 1 ? 'a later version' : null, ...contests.map(({ resolution }) => resolution === null ? 'undecided' : resolution.accepted ? 'accepted' : 'refused')]
    for (const what of seen) if (what) met.set(what, (met.get(what) ?? 0) + 1)
  }
  for (const what of ['new', 'open', 'succeeded', 'failed', 'reversed', 'contested', 'ignored', 'assumed', 'confirmed', 'a later version', 'undecided', 'accepted', 'refused']) {
    assert.ok((met.get(what) ?? 0) >= COUNT / 500, `${what} was met ${met.get(what) ?? 0} times in ${COUNT}: the histories do not reach it`)
  }
})
