/**
 * Billing credits in the reference model: what each grant was given and gave, read again for each question. The rules are those of docs/concepts/bill.md and of
 * https://docs.stripe.com/billing/subscriptions/usage-based/billing-credits.
 */
import { total } from './exact.ts';
import type { Grant, GrantState, Movement } from './history.ts';

/** What is left of a line of usage after discounts, and at which price. */
type Usage = { line: number; price: string; left: bigint };
type Given = { line: number; grant: string; amount: bigint };

/** `ended`: its expiry has come. */
type Held = GrantState & { grant: Grant; ended: boolean };

const LAST = Infinity;
const RANKS: readonly ((one: Held) => number)[] = [
  ({ grant }) => grant.priority, ({ expires_at }) => expires_at ?? LAST, ({ grant }) => (grant.category === 'promotional' ? 0 : 1), ({ grant }) => grant.effective_at,
];
function before(a: Held, b: Held): number {
  const rank = RANKS.find((of) => of(a) !== of(b));
  return rank ? rank(a) - rank(b) : 0;
}

const leftOf = (one: Held): bigint => total(one.movements.map(({ amount }) => amount));
const isOver = ({ voided, expires_at }: Held, at: number): boolean => voided || (expires_at !== null && expires_at <= at);

export class Credits {
  private readonly grants: Held[] = [];

  give(grant: Grant, at: number): void {
    this.grants.push({ id: grant.id, grant, expires_at: grant.expires_at, ended: false, voided: false, movements: [{ at, kind: 'granted', amount: grant.amount, invoice: null, line: null }] });
  }

  /** Does it with the grant, unless that is over or not there. */
  private withLiving(id: string, at: number, what: (one: Held) => boolean): boolean {
    const one = this.grants.find((each) => each.id === id);
    return one !== undefined && !isOver(one, at) && what(one);
  }

  private lose(one: Held, at: number, kind: 'expired' | 'voided'): void {
    const left = leftOf(one);
    if (left !== 0n) one.movements.push({ at, kind, amount: -left, invoice: null, line: null });
  }

  move(id: string, at: number, expires_at: number | null): boolean {
    return this.withLiving(id, at, (one) => {
      one.expires_at = expires_at;
      return true;
    });
  }

  expire(id: string, at: number): boolean {
    return this.withLiving(id, at, (one) => {
      one.expires_at = at;
      one.ended = true;
      this.lose(one, at, 'expired');
      return true;
    });
  }

  /** Only where nothing of it is set against an invoice. */
  void(id: string, at: number): boolean {
    return this.withLiving(id, at, (one) => {
      if (leftOf(one) !== one.grant.amount) return false;
      one.voided = true;
      this.lose(one, at, 'voided');
      return true;
    });
  }

  /** What can be used at the moment. */
  left(at: number): bigint {
    return total(this.grants.map((one) => (one.grant.effective_at <= at && !isOver(one, at) ? leftOf(one) : 0n)));
  }

  /** When a grant expires next. */
  nextExpiry(): number {
    return Math.min(...this.grants.map((one) => (one.ended || one.voided ? LAST : (one.expires_at ?? LAST))));
  }

  expireAll(at: number): void {
    for (const one of this.grants.filter(({ ended, voided, expires_at }) => !ended && !voided && expires_at === at)) {
      one.ended = true;
      this.lose(one, at, 'expired');
    }
  }

  /** Sets what there is against an invoice of a moment, finalized at another one: grant by grant, line by line, and never more than their sum. What goes `back` with the invoice is for later ones. */
  meet(invoice: number, of: number, at: number, currency: string, lines: readonly Usage[], back: readonly Given[]): Given[] {
    const usage = lines.map((line) => ({ ...line }));
    const usable = this.grants.filter((one) => one.grant.currency === currency && one.grant.effective_at <= of && !isOver(one, at));
    return usable.sort(before).flatMap((one) => {
      const reached = usage.filter(({ price }) => one.grant.prices === null || one.grant.prices.some(({ id }) => id === price));
      const [has, needed] = [leftOf(one) + total(back.flatMap(({ grant, amount }) => (grant === one.id ? [amount] : []))), total(reached.map(({ left }) => left))];
      let rest = has < needed ? has : needed;
      return reached.flatMap((each): Given[] => {
        const amount = each.left < rest ? each.left : rest;
        if (amount <= 0n) return [];
        each.left -= amount;
        rest -= amount;
        one.movements.push({ at, kind: 'applied', amount: -amount, invoice, line: each.line });
        return [{ line: each.line, grant: one.id, amount }];
      });
    });
  }

  /** What was set against usage that was billed early goes back with it: an amount below zero. It is lost at once where its time is over. */
  takeBack(given: readonly Given[], invoice: number, at: number): void {
    for (const { line, grant, amount } of given) this.grants.find((one) => one.id === grant)!.movements.push({ at, kind: amount < 0n ? 'given back' : 'applied', amount: -amount, invoice, line });
    for (const one of this.grants) if (given.some(({ grant }) => grant === one.id) && isOver(one, at)) this.lose(one, at, 'expired');
  }

  /** Whether something was used since of what an invoice gave back. */
  isSpent(invoice: number): boolean {
    return this.grants.some((one) => leftOf(one) < total(one.movements.filter((each) => each.invoice === invoice).map((each) => each.amount)));
  }

  /** An invoice should not have been: what it took is there again, and is lost at once where its time is over. */
  giveBack(invoice: number, at: number): void {
    for (const one of this.grants) {
      const taken = one.movements.filter((each) => each.invoice === invoice);
      one.movements.push(...taken.map((each): Movement => ({ ...each, at, kind: each.amount > 0n ? 'applied' : 'given back', amount: -each.amount })));
      if (isOver(one, at)) this.lose(one, at, 'expired');
    }
  }

  /** Remembers how it stands now; what it returns brings it back. */
  remember(): () => void {
    const counts = this.grants.map((one) => one.movements.length);
    return () => counts.forEach((count, n) => { this.grants[n]!.movements.length = count; });
  }

  states(): GrantState[] {
    return this.grants.map(({ grant: _grant, ended: _ended, ...state }) => state);
  }
}
