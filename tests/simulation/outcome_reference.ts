// The rules of docs/concepts/outcomes.md a second time, for the simulation to judge `billing/outcome/` by. It shares no code with it and keeps no running state: what has had an effect on an outcome is
// entered in a journal, and each question is answered by reading that journal again.

export type Rule = {
  event_name: string, conditions: { key: string, operator: string, value: string | null, values: string[] | null }[], effect: 'open' | 'extend' | 'succeed' | 'fail' | 'reverse'
  outcome: string | null, quiet_for: string | null, within: string | null, requires_open: boolean, final: boolean
}
export type Version = { version: number, effective_from: number | null, timing: 'occurred_at' | 'settled_at', outcomes: { name: string, meter: string }[], rules: Rule[] }
export type Definition = { archived_at: number | null, versions: Version[] }
export type Event = { name: string, identifier: string, at: number, payload: Record<string, string>, canceled?: true }
export type Contest = { outcome: string, at: number, held: boolean, resolution: { accepted: boolean, at: number } | null }
export type Verdict = {
  version: number | null, state: string, due_at: number | null
  success: { outcome: string, basis: 'confirmed' | 'assumed', occurred_at: number, settled_at: number } | null
  counted: { meter: string, at: number } | null
}

type Entry = { step: number, at: number, what: Rule['effect'] | 'quiet' | 'contest' | 'accept' | 'refuse', rule: Rule | null, contest: Contest | null }
type Journal = Entry[]

const lasting = (text: string): number => Number(text.slice(0, -1)) * ({ s: 1, m: 60, h: 3600, d: 86400, w: 604800 } as Record<string, number>)[text.at(-1)!]!

/** −1, 0 or 1; null where one of the texts is no plain decimal. */
function order(left: string, right: string): number | null {
  const read = [left, right].map(text => /^(-?)(\d+)(?:\.(\d+))?$/.exec(text))
  if (read.includes(null)) return null
  const places = Math.max(...read.map(each => each![3]?.length ?? 0))
  const [a, b] = read.map(each => BigInt(each![1]! + each![2]! + (each![3] ?? '').padEnd(places, '0'))) as [bigint, bigint]
  return a < b ? -1 : a > b ? 1 : 0
}

const tests: Record<string, (found: string, value: string, values: string[]) => boolean> = {
  eq: (found, value) => found === value, ne: (found, value) => found !== value,
  in: (found, _, values) => values.some(each => each === found), not_in: (found, _, values) => values.every(each => each !== found),
  gt: (found, value) => order(found, value) === 1, gte: (found, value) => [0, 1].includes(order(found, value) ?? 2),
  lt: (found, value) => order(found, value) === -1, lte: (found, value) => [0, -1].includes(order(found, value) ?? 2),
  exists: () => true,
}
const about = (rule: Rule, event: Event): boolean => rule.event_name === event.name && rule.conditions.every(({ key, operator, value, values }) => {
  const found = Object.entries(event.payload).find(([each]) => each === key)?.[1]
  return operator === 'absent' ? found === undefined : found !== undefined && tests[operator]!(found, value!, values!)
})

// What is read from a journal.
const states = { open: 'open', succeed: 'succeeded', quiet: 'succeeded', fail: 'failed', reverse: 'reversed', accept: 'reversed' } as const
const turns = (journal: Journal) => journal.filter(({ what }) => what in states)
const stateOf = (journal: Journal): string => { const last = turns(journal).at(-1); return last ? states[last.what as keyof typeof states] : 'new' }
const closed = (journal: Journal) => journal.some(({ rule }) => rule?.final)
const opening = (journal: Journal): Entry | undefined => journal.findLast(({ what }) => what === 'open')
/** The success that stands: the entry that made it. */
const success = (journal: Journal): Entry | null => stateOf(journal) === 'succeeded' ? turns(journal).at(-1)! : null
const dueOf = (journal: Journal): number | null => {
  const quiet = opening(journal)?.rule!.quiet_for
  return stateOf(journal) !== 'open' || closed(journal) || !quiet ? null : journal.findLast(({ what }) => what === 'open' || what === 'extend')!.at + lasting(quiet)
}
/** The contests of the success that stands which nobody has decided. */
const contested = (journal: Journal): Contest[] => {
  const since = journal.slice(journal.indexOf(success(journal)!))
  return success(journal) === null ? [] : since.flatMap(({ what, contest }) => what === 'contest' && !since.some(one => one.contest === contest && one.what !== 'contest') ? [contest!] : [])
}

function applies(rule: Rule, at: number, journal: Journal): boolean {
  const state = stateOf(journal)
  if (rule.effect === 'reverse') return state === 'succeeded' && (rule.within === null || at < success(journal)!.at + lasting(rule.within))
  if (closed(journal)) return false
  if (rule.effect === 'extend') return state === 'open'
  return state !== 'succeeded' && (!rule.requires_open || state === 'open')
}

/** Everything that had an effect on one outcome up to a moment, in order: at one moment first the quiet that ends, then the events, then decisions. */
function journalOf(outcome: string, version: Version, events: Event[], contests: Contest[], now: number): Journal {
  const journal: Journal = []
  const settle = (until: number, step: number) => {
    const due = dueOf(journal)
    if (due !== null && due <= until) journal.push({ step, at: due, what: 'quiet', rule: null, contest: null })
  }
  const decisions = contests.flatMap(contest => [{ at: contest.at, what: 'contest' as const, contest }, ...(contest.resolution ? [{ at: contest.resolution.at, what: contest.resolution.accepted ? 'accept' as const : 'refuse' as const, contest }] : [])])
  const log = [...events.map(event => ({ at: event.at, event })), ...decisions.map(decision => ({ at: decision.at, decision }))].sort((a, b) => a.at - b.at || Number('decision' in a) - Number('decision' in b))
  for (const [step, each] of log.entries()) {
    settle(each.at, 2 * step)
    if ('event' in each) {
      const rule = version.rules.find(rule => about(rule, each.event) && (rule.outcome ?? outcome) === outcome && applies(rule, each.at, journal))
      if (rule) journal.push({ step: 2 * step + 1, at: each.at, what: rule.effect, rule, contest: null })
    } else if (each.decision.contest.outcome === outcome) {
      const { what, contest } = each.decision
      if (what === 'contest' ? success(journal) !== null : contested(journal).includes(contest)) journal.push({ step: 2 * step + 1, at: each.at, what, rule: null, contest })
    }
  }
  settle(now, 2 * log.length)
  return journal
}

/** What the page says of a subject: of these events, decisions, versions, at this moment. */
export function verdict(definition: Definition, sent: readonly Event[], contests: readonly Contest[], now: number): Verdict {
  const events = sent.filter((event, n) => !event.canceled && sent.findIndex(each => each.name === event.name && each.identifier === event.identifier) === n)
  const first = events.length === 0 ? -Infinity : Math.min(...events.map(event => event.at))
  const inForce = definition.versions.filter(({ effective_from }) => (effective_from ?? -Infinity) <= first).sort((a, b) => (b.effective_from ?? -Infinity) - (a.effective_from ?? -Infinity) || b.version - a.version)
  const version = inForce[0]
  if (version === undefined || (definition.archived_at !== null && first >= definition.archived_at)) return { version: null, state: 'ignored', due_at: null, success: null, counted: null }
  const place = (event: Event) => version.rules.findIndex(rule => about(rule, event))
  const known = events.filter(event => place(event) >= 0).sort((a, b) => a.at - b.at || place(a) - place(b) || Buffer.compare(Buffer.from(a.identifier), Buffer.from(b.identifier)))
  const journals = version.outcomes.map(({ name, meter }) => ({ name, meter, journal: journalOf(name, version, known, [...contests], now) }))
  const standing = journals.find(({ journal }) => success(journal) !== null)
  const dues = journals.flatMap(({ journal }) => dueOf(journal) ?? [])
  const due_at = dues.length > 0 ? Math.min(...dues) : null
  if (standing === undefined) {
    const last = [...journals].sort((a, b) => (turns(b.journal).at(-1)?.step ?? -1) - (turns(a.journal).at(-1)?.step ?? -1))[0]!
    return { version: version.version, state: journals.some(({ journal }) => stateOf(journal) === 'open') ? 'open' : stateOf(last.journal), due_at, success: null, counted: null }
  }
  const { name, meter, journal } = standing
  const made = success(journal)!
  const opened = turns(journal).at(-2)?.what === 'open' ? opening(journal)!.at : made.at
  const doubts = contested(journal)
  const counted = doubts.some(({ held }) => held) ? null : { meter, at: version.timing === 'occurred_at' ? opened : made.at }
  return { version: version.version, state: doubts.length > 0 ? 'contested' : 'succeeded', due_at, success: { outcome: name, basis: made.what === 'quiet' ? 'assumed' : 'confirmed', occurred_at: opened, settled_at: made.at }, counted }
}
