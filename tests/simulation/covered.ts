/** What random lives have reached: so that a step that no life takes, or that is always refused, is seen. */
import type { Action, History, Movement, Outcome } from './reference/history.ts';

type Kind = Action['kind'];
const KINDS = [
  'change', 'move_price', 'anchor_now', 'trial', 'discount', 'cancel_now', 'cancel_at_period_end', 'cancel_at', 'uncancel', 'pause_collection', 'collect', 'sweep', 'threshold', 'commitment', 'pause', 'resume', 'schedule', 'release', 'settle', 'pay', 'void', 'credit', 'void_note', 'grant', 'move_grant', 'expire_grant', 'void_grant', 'top_up',
] as const satisfies readonly Kind[];

/** What a life has, beside its steps. */
const TRAITS: Readonly<Record<string, (history: History, outcome: Outcome) => boolean>> = {
  'a trial': ({ trial_end, actions }) => trial_end !== undefined || actions.some((action) => action.kind === 'trial'),
  'a trial that ends without a method to charge': ({ missing_payment_method }) => missing_payment_method !== undefined,
  'a start in the past': ({ backdate }) => backdate !== undefined,
  'a cycle of its own': ({ anchor, backdate }) => anchor !== undefined && backdate === undefined,
  'items of different intervals': ({ items }) => new Set(items.map(({ price: { recurrence } }) => `${recurrence.interval_count} ${recurrence.interval}`)).size > 1,
  'usage that is billed': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.kind === 'metered' && line.amount !== 0n)),
  'usage that is priced by dimension': ({ usage }, { invoices }) => usage.some(({ model }) => model !== undefined) && invoices.some(({ lines }) => lines.some((line) => line.kind === 'metered' && line.amount !== 0n)),
  'a coupon that gives something': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.discounts.length > 0)),
  'taxes': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.taxes.some((tax) => tax.amount !== 0n))),
  'a proration that is billed': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.kind === 'credit' || line.kind === 'debit')),
  'proration by the day': ({ by_day }) => by_day === true,
  'a date of proration': (history, { refused }) => history.actions.some((action, n) => action.kind === 'change' && action.date !== undefined && !refused.includes(n)),
  'something that is billed once': (history, { refused }) => history.once !== undefined || history.actions.some((action, n) => action.kind === 'change' && action.once !== undefined && !refused.includes(n)),
  'a phase with something that is billed once': (history, outcome) => phasesOf(history, outcome).some((phase) => phase.once !== undefined),
  'what waits billed by itself': ({ sweep, actions }, { invoices }) => (sweep !== undefined || actions.some((action) => action.kind === 'sweep')) && invoices.some(({ reason, lines }) => reason === 'subscription_cycle' && lines.every((line) => line.proration || line.kind === 'pending')),
  'usage that is billed early': (_history, { invoices }) => invoices.some(({ reason }) => reason === 'subscription_threshold'),
  'usage made up to a commitment': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.kind === 'commitment' && line.amount > 0n)),
  'a commitment that usage has met': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.kind === 'commitment' && line.amount === 0n)),
  'included units': ({ items }) => items.some(({ price }) => price.allowance !== undefined),
  'a card': ({ card }) => card === true,
  'a change that waits for its payment': (history, { refused }) => history.actions.some((action, n) => 'waits' in action && action.waits === 'fail' && !refused.includes(n)),
  'an item by hand': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.kind === 'pending')),
  'a schedule': (history, { refused }) => history.scheduled !== undefined || happened(history, refused, 'schedule'),
  'a schedule from scratch': ({ scheduled }) => scheduled?.from_scratch !== undefined,
  'a phase that began': (history, outcome) => phasesOf(history, outcome).length > 0,
  'a phase that began within a period': (history, outcome) => phasesOf(history, outcome).some(({ start }) => outcome.invoices.some(({ lines }) => lines.some((line) => line.kind === 'credit' && line.period.start === start))),
  'a phase with a trial': (history, outcome) => phasesOf(history, outcome).some((phase) => phase.trial_end !== null),
  'a phase with a new cycle': (history, outcome) => phasesOf(history, outcome).some((phase) => phase.anchored),
  'a pause': (history, { refused }) => happened(history, refused, 'pause'),
  'a pause and a resumption': (history, { refused }) => happened(history, refused, 'pause') && happened(history, refused, 'resume'),
  'invoices that nobody is to pay': (history, { refused, invoices }) => happened(history, refused, 'pause_collection') && invoices.some(({ status }) => status === 'void' || status === 'uncollectible'),
  'a credit note': (_history, { notes }) => notes.length > 0,
  'a credit note of what was paid': (_history, { notes }) => notes.some((note) => note.to_balance + note.out_of_band > 0n),
  'usage met by credit': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.credits.length > 0)),
  'a line met by several grants': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.credits.length > 1)),
  'credit that is given back': (_history, { grants }) => moved(grants, 'given back'),
  'credit that expires': (_history, { grants }) => moved(grants, 'expired'),
  'a credit note of usage that credit met': (_history, { notes }) => notes.some(({ lines }) => lines.some((line) => line.credit !== 0n)),
  'credit that is bought': (_history, { invoices }) => invoices.some(({ reason, status }) => reason === 'manual' && status === 'paid'),
  'usage met by credit that was bought': (_history, { invoices }) => invoices.some(({ lines }) => lines.some((line) => line.credits.some(({ id }) => id.startsWith('bought')))),
  'a price move': (history, { refused }) => happened(history, refused, 'move_price'),
  'a price move at the end of a period': (history, { refused }) => history.actions.some((action, n) => action.kind === 'move_price' && action.when === 'period_end' && !refused.includes(n)),
  'a balance': (_history, { balance }) => balance !== 0n,
  'an end': (_history, { ended_at }) => ended_at !== null,
};

const happened = ({ actions, until }: History, refused: readonly number[], kind: Kind): boolean => actions.some((action, n) => action.kind === kind && action.at <= until && !refused.includes(n));

const moved = (grants: Outcome['grants'], kind: Movement['kind']): boolean => grants.some(({ movements }) => movements.some((each) => each.kind === kind));

/** Phases that may have begun: those that a schedule was given and that lie within the life. */
function phasesOf({ scheduled, actions, until }: History, { refused, ended_at }: Outcome) {
  const given = [scheduled, ...actions.filter((action, n) => action.kind === 'schedule' && !refused.includes(n))].flatMap((schedule) => (schedule && 'phases' in schedule ? schedule.phases : []));
  return given.filter(({ start }) => start <= Math.min(until, ended_at ?? Infinity));
}

export class Covered {
  lives = 0;
  invoices = 0;
  lines = 0;
  readonly done = new Map<string, number>(KINDS.map((kind) => [kind, 0]));
  readonly refused = new Map<string, number>(KINDS.map((kind) => [kind, 0]));
  readonly traits = new Map<string, number>(Object.keys(TRAITS).map((trait) => [trait, 0]));

  count(history: History, outcome: Outcome): void {
    this.lives += 1;
    this.invoices += outcome.invoices.length;
    this.lines += outcome.invoices.reduce((sum, { lines }) => sum + lines.length, 0);
    const more = (counts: Map<string, number>, name: string) => counts.set(name, counts.get(name)! + 1);
    for (const [n, { kind, at }] of history.actions.entries()) if (at <= history.until) more(outcome.refused.includes(n) ? this.refused : this.done, kind);
    for (const [trait, has] of Object.entries(TRAITS)) if (has(history, outcome)) more(this.traits, trait);
  }

  /** Counts what another thread has counted. */
  add(other: Pick<Covered, 'lives' | 'invoices' | 'lines' | 'done' | 'refused' | 'traits'>): void {
    this.lives += other.lives;
    this.invoices += other.invoices;
    this.lines += other.lines;
    for (const name of ['done', 'refused', 'traits'] as const) for (const [key, count] of other[name]) this[name].set(key, this[name].get(key)! + count);
  }

  /** The share of lives that have a trait. */
  share(trait: string): number {
    return this.traits.get(trait)! / this.lives;
  }

  tell(): string[] {
    const percent = (count: number) => `${((100 * count) / this.lives).toFixed(1)} %`.padStart(8);
    const width = Math.max(...this.traits.keys().map((trait) => trait.length));
    const steps = KINDS.map((kind) => `  ${kind.padEnd(width)}${String(this.done.get(kind)).padStart(8)}${String(this.refused.get(kind)).padStart(8)}`);
    const traits = [...this.traits].map(([trait, count]) => `  ${trait.padEnd(width)}${String(count).padStart(8)}${percent(count)}`);
    return [`${this.lives} lives, ${this.invoices} invoices, ${this.lines} lines`, `  ${'step'.padEnd(width)}    done refused`, ...steps, `  ${'lives with'.padEnd(width)}`, ...traits];
  }
}
