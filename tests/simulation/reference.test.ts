import { test } from 'node:test'
import assert from 'node:assert/strict'
import { amountOf } from './reference/amounts.ts'
import { boundary } from './reference/calendar.ts'
import { round, shareOut } from './reference/exact.ts'
import type { Coupon, History, Invoice, Item, Line, Price, Rate, Recurrence } from './reference/history.ts'
import { randomHistory } from './reference/random.ts'
import { recompute } from './reference/recompute.ts'
import { isWatched } from './reference/watched.ts'

const at = (text: string): number => Date.parse(text.length === 10 ? text + 'T00:00:00Z' : text) / 1000
const monthly: Recurrence = { interval: 'month', interval_count: 1 }
const price = (unit: string, more: Partial<Price> = {}): Price => ({
  id: `price ${unit}`, product: 'prod', currency: 'usd', recurrence: monthly, usage_type: 'licensed', meter: null, billing_scheme: 'per_unit', unit_amount_decimal: unit,
  tiers: null, tiers_mode: null, transform_quantity: null, ...more,
})
const item = (key: string, unit: string, quantity: number, more: Partial<Item> = {}): Item => ({ key, price: price(unit), quantity, tax_rates: [], discounts: [], ...more })
const meter = (key: string, unit: string): Item => ({ key, price: price(unit, { usage_type: 'metered', meter: key }), quantity: 0, tax_rates: [], discounts: [] })
const life = (start: string, until: string, items: Item[], more: Partial<History> = {}): History => ({
  currency: 'usd', tax_exempt: 'none', start: at(start), proration_behavior: 'create_prorations', items, discounts: [], default_tax_rates: [], usage: [], pending: [], actions: [],
  until: at(until), ...more,
})
const day = (time: number): string => new Date(time * 1000).toISOString().slice(5, 10)
const tell = (line: Line): string => `${line.key} ${line.kind} ${day(line.period.start)}..${day(line.period.end)} ${line.amount}${line.discounts.map(one => ` -${one.amount}`).join('')}`
const bills = (history: History): [string, bigint, string[]][] =>
  recompute(history).invoices.map(({ at, reason, total, lines }) => [`${day(at)} ${reason.replace('subscription_', '')}`, total, lines.map(tell)])

test('half a unit is rounded away from zero', () => {
  assert.deepEqual([1n, -1n, 5n, -5n, 3n].map(n => round({ n, d: 2n })), [1n, -1n, 3n, -3n, 2n])
  assert.equal(round({ n: 49n, d: 100n }), 0n)
})

test('a boundary is the day that the calendar of the platform names', () => {
  for (const anchor of ['2024-01-31T23:59:59Z', '2024-02-29T00:00:00Z', '2023-12-30T12:00:00Z', '2025-02-28T06:30:00Z', '2100-01-31T00:00:00Z']) {
    for (const interval of ['day', 'week', 'month', 'year'] as const) for (const interval_count of [1, 2, 3, 6]) for (let k = -8; k <= 25; k++) {
      const there = Temporal.Instant.from(anchor).toZonedDateTimeISO('UTC').toPlainDateTime().add({ [`${interval}s`]: k * interval_count }, { overflow: 'constrain' })
      assert.equal(boundary(at(anchor), { interval, interval_count }, k), at(`${there.toString({ smallestUnit: 'second' })}Z`), `${anchor} ${interval} ${k * interval_count}`)
    }
  }
  // A configured 31st returns after a short month in which it began.
  assert.equal(boundary(at('2025-02-28'), monthly, 1, 31), at('2025-03-31'))
  assert.equal(boundary(at('2025-02-28'), monthly, -1, 31), at('2025-01-31'))
})

test('a quantity costs what its price says', () => {
  const tiers = [{ up_to: 10, unit_amount_decimal: '100', flat_amount_decimal: '500' }, { up_to: 20, unit_amount_decimal: '80', flat_amount_decimal: null }, { up_to: null, unit_amount_decimal: '0.5', flat_amount_decimal: '7' }]
  const graduated = price('0', { billing_scheme: 'tiered', tiers, tiers_mode: 'graduated' }), volume = { ...graduated, tiers_mode: 'volume' as const }
  const packs = (round: 'up' | 'down') => price('150', { transform_quantity: { divide_by: 5, round } })
  const cases: [Price, string, bigint][] = [
    [price('0.000000000001'), '500000000000', 1n], // 0.5
    [price('33.333333333333'), '3', 100n], // 99.999999999999
    [price('0.1'), '4.999', 0n], // 0.4999
    [packs('up'), '11', 450n], [packs('down'), '11', 300n], [packs('up'), '10.000001', 450n], [packs('up'), '0', 0n],
    [graduated, '0', 500n], // the first tier's flat amount
    [graduated, '10', 1500n], // 10 × 100 + 500
    [graduated, '10.5', 1540n], // 1500 + 0.5 × 80
    [graduated, '25', 2310n], // 1500 + 10 × 80 + 5 × 0.5 + 7 = 2309.5
    [volume, '0', 500n], [volume, '10', 1500n], [volume, '20', 1600n], [volume, '21', 18n], // 10.5 + 7 = 17.5
  ]
  for (const [price, quantity, amount] of cases) assert.equal(amountOf(price, quantity), amount, `${quantity} at ${price.unit_amount_decimal} ${price.tiers_mode}`)
})

test('what is shared out goes to the largest remainders, the earlier one first', () => {
  assert.deepEqual(shareOut(100n, [1n, 1n, 1n]), [34n, 33n, 33n])
  assert.deepEqual(shareOut(10n, [5n, 3n, 7n]), [3n, 2n, 5n]) // 3.33, 2, 4.67
  assert.deepEqual(shareOut(2n, [1n, 1n, 1n, 1n]), [1n, 1n, 0n, 0n])
  assert.deepEqual(shareOut(1_234_567n, [1_000_000n, 234_567n]), [1_000_000n, 234_567n])
})

test('an upgrade in the middle of April credits what was paid and charges the rest', () => {
  const change = { at: at('2024-04-16'), kind: 'change' as const, changes: [{ key: 'seats', quantity: 5 }], proration_behavior: 'create_prorations' as const }
  assert.deepEqual(bills(life('2024-04-01', '2024-05-01', [item('seats', '1000', 3)], { actions: [change] })), [
    ['04-01 create', 3000n, ['seats licensed 04-01..05-01 3000']],
    // −3000 × 15/30, 5000 × 15/30, then the next month of five seats
    ['05-01 cycle', 6000n, ['seats credit 04-16..05-01 -1500', 'seats debit 04-16..05-01 2500', 'seats licensed 05-01..06-01 5000']],
  ])
  const atOnce = bills(life('2024-04-01', '2024-04-30', [item('seats', '1000', 3)], { actions: [{ ...change, proration_behavior: 'always_invoice' }] }))
  assert.deepEqual(atOnce[1], ['04-16 update', 1000n, ['seats credit 04-16..05-01 -1500', 'seats debit 04-16..05-01 2500']])
  const free = bills(life('2024-04-01', '2024-05-01', [item('seats', '1000', 3)], { actions: [{ ...change, proration_behavior: 'none' }] }))
  assert.deepEqual(free[1], ['05-01 cycle', 5000n, ['seats licensed 05-01..06-01 5000']])
})

test('a change and its reversal in one second sum to zero, and a later credit gives back what the debit took', () => {
  const change = (when: string, quantity: number) => ({ at: at(when), kind: 'change' as const, changes: [{ key: 'a', quantity }], proration_behavior: 'create_prorations' as const })
  const { pending } = recompute(life('2024-03-01', '2024-03-31', [item('a', '999', 1)], { actions: [change('2024-03-11', 4), change('2024-03-11', 1), change('2024-03-21', 2)] }))
  // 21 of 31 days: 999 → 676.74, 3996 → 2706.97; 11 of 31 days: the debit of 677 over 21 days → 677 × 11/21 = 354.62, 1998 × 11/31 = 708.97
  assert.deepEqual(pending.map(line => line.amount), [-677n, 2707n, -2707n, 677n, -355n, 709n])
})

test('month ends stay month ends', () => {
  assert.deepEqual(bills(life('2024-01-31', '2024-04-30', [item('a', '1', 1)])).map(([when]) => when), ['01-31 create', '02-29 cycle', '03-31 cycle', '04-30 cycle'])
})

test('discounts are taken in order, the own ones before the common ones, and a fixed amount is shared over the lines', () => {
  const half: Coupon = { id: 'half', percent_off: '50', duration: 'forever' }
  const off: Coupon = { id: 'off', amount_off: 1000n, currency: 'usd', duration: 'once' }
  const other: Coupon = { id: 'other', amount_off: 1000n, currency: 'eur', duration: 'forever' }
  const items = [item('a', '1001', 1, { discounts: [half] }), item('b', '2000', 1), item('c', '3000', 1, { price: price('3000', { product: 'free of it' }) })]
  assert.deepEqual(bills(life('2024-04-01', '2024-05-01', items, { discounts: [{ ...off, products: ['prod'] }, other] })), [
    // a: 1001 × 50 % = 500.5 → 501, 500 are left; 1000 × 500/2500 and × 2000/2500
    ['04-01 create', 4500n, ['a licensed 04-01..05-01 1001 -501 -200', 'b licensed 04-01..05-01 2000 -800', 'c licensed 04-01..05-01 3000']],
    ['05-01 cycle', 5500n, ['a licensed 05-01..06-01 1001 -501', 'b licensed 05-01..06-01 2000', 'c licensed 05-01..06-01 3000']],
  ])
})

test('a debit has its share of the discounts of the whole period', () => {
  const off: Coupon = { id: 'off', amount_off: 900n, currency: 'usd', duration: 'repeating', duration_in_months: 1 }
  const once: Coupon = { id: 'once', percent_off: '100', duration: 'once' }
  const actions: History['actions'] = [{ at: at('2024-04-21'), kind: 'change', changes: [{ key: 'a', quantity: 2 }], proration_behavior: 'create_prorations' }]
  assert.deepEqual(bills(life('2024-04-01', '2024-05-01', [item('a', '1000', 1, { discounts: [once] }), item('b', '1000', 1)], { discounts: [off], actions })), [
    ['04-01 create', 100n, ['a licensed 04-01..05-01 1000 -1000', 'b licensed 04-01..05-01 1000 -900']],
    // a was paid with 0, so no credit; 2000 × 10/30 = 666.67 → 667, its share 900 × 2000/3000 = 600, of which 10/30 = 200; on 1 May the month of the coupon is over
    ['05-01 cycle', 3467n, ['a debit 04-21..05-01 467', 'a licensed 05-01..06-01 2000', 'b licensed 05-01..06-01 1000']],
  ])
})

test('a trial costs nothing and keeps a single discount for the first paid period', () => {
  const once: Coupon = { id: 'once', percent_off: '10', duration: 'once' }
  const history = life('2024-01-17', '2024-02-29', [item('a', '1000', 2), meter('m', '3')], {
    trial_end: at('2024-01-31'), discounts: [once], usage: [{ meter: 'm', at: at('2024-01-30'), value: '50' }, { meter: 'm', at: at('2024-01-31'), value: '2.5' }, { meter: 'm', at: at('2024-02-28'), value: '1' }],
    actions: [{ at: at('2024-01-20'), kind: 'change', changes: [{ key: 'a', quantity: 3 }], proration_behavior: 'always_invoice' }],
  })
  assert.deepEqual(bills(history), [
    ['01-17 create', 0n, ['a licensed 01-17..01-31 0']],
    ['01-31 cycle', 2700n, ['a licensed 01-31..02-29 3000 -300']],
    ['02-29 cycle', 3011n, ['a licensed 02-29..03-31 3000', 'm metered 01-31..02-29 11']], // 3 × 3.5 = 10.5
  ])
})

test('a start in the past bills what is over and then goes on as usual', () => {
  const items = [item('a', '1000', 1), meter('m', '10')]
  assert.deepEqual(bills(life('2024-03-20', '2024-04-15', items, { backdate: at('2024-01-15') })), [
    ['03-20 create', 3000n, ['a licensed 01-15..03-15 2000', 'a licensed 03-15..04-15 1000']],
    ['04-15 cycle', 1000n, ['a licensed 04-15..05-15 1000', 'm metered 03-15..04-15 0']],
  ])
  assert.deepEqual(bills(life('2024-03-20', '2024-04-01', items, { backdate: at('2024-01-15'), anchor: at('2024-04-01') })), [
    // 17 of 31 days of January → 548.39, and February
    ['03-20 create', 2548n, ['a licensed 01-15..03-01 1548', 'a licensed 03-01..04-01 1000']],
    ['04-01 cycle', 1000n, ['a licensed 04-01..05-01 1000', 'm metered 03-01..04-01 0']],
  ])
  assert.equal(bills(life('2024-03-20', '2024-03-20', items, { backdate: at('2024-01-15'), proration_behavior: 'none' }))[0]![1], 1000n)
})

test('the time before a later anchor is billed by its part, or free', () => {
  const items = [item('a', '1000', 1), meter('m', '10')], usage = [{ meter: 'm', at: at('2024-04-25'), value: '4' }]
  const cycle = ['05-01 cycle', 1040n, ['a licensed 05-01..06-01 1000', 'm metered 04-21..05-01 40']]
  assert.deepEqual(bills(life('2024-04-21', '2024-05-01', items, { anchor: at('2024-05-01'), usage })), [['04-21 create', 333n, ['a licensed 04-21..05-01 333']], cycle]) // 10 of 30 days
  assert.deepEqual(bills(life('2024-04-21', '2024-05-01', items, { anchor: at('2024-05-01'), usage, proration_behavior: 'none' })), [cycle])
})

test('exclusive taxes are added and inclusive ones are taken out, unless the customer is exempt', () => {
  const rate = (id: string, percentage: string, inclusive: boolean): Rate => ({ id, percentage, inclusive })
  const tenOff: Coupon = { id: 'ten', percent_off: '10', duration: 'forever' }
  const items = [item('a', '999', 1, { tax_rates: [rate('vat', '19', true), rate('city', '1', true)] }), item('b', '1050', 1)]
  const history = life('2024-04-01', '2024-04-02', items, { default_tax_rates: [rate('sales', '8.25', false)], discounts: [tenOff] })
  const [invoice] = recompute(history).invoices as [Invoice]
  // a: 999 − 100 = 899; 899 × 19/120 = 142.34, 899 × 1/120 = 7.49. b: 1050 − 105 = 945; 945 × 8.25 % = 77.96
  assert.deepEqual(invoice.lines.map(line => line.taxes.map(tax => tax.amount)), [[142n, 7n], [78n]])
  assert.deepEqual([invoice.subtotal, invoice.total, invoice.total_excluding_tax], [2049n, 1922n, 1695n]) // 899 + 945 + 78; less 78 and 149
  assert.equal(invoice.subtotal_excluding_tax, 1883n) // 2049 − 999 × 19/120 (158.18) − 999 × 1/120 (8.33)
  const [exempt] = recompute({ ...history, tax_exempt: 'reverse' }).invoices as [Invoice]
  assert.deepEqual([exempt.subtotal, exempt.total, exempt.total_excluding_tax, exempt.subtotal_excluding_tax], [2049n, 1844n, 1844n, 2049n])
  assert.deepEqual(exempt.lines[1]!.taxes, [{ id: 'sales', amount: 0n, inclusive: false }])
})

test('a cancelled subscription gives back and bills what it was asked to', () => {
  const items = [item('a', '3000', 1), meter('m', '10')], usage = [{ meter: 'm', at: at('2024-04-05'), value: '7' }, { meter: 'm', at: at('2024-04-11'), value: '5' }]
  const run = (prorate: boolean, invoice_now: boolean) => recompute(life('2024-04-01', '2024-06-01', items, { usage, actions: [{ at: at('2024-04-11'), kind: 'cancel_now', prorate, invoice_now }] }))
  assert.deepEqual(run(true, true).invoices[1]!.lines.map(tell), ['a credit 04-11..05-01 -2000', 'm metered 04-01..04-11 70'])
  assert.deepEqual(run(true, false).pending.map(tell), ['a credit 04-11..05-01 -2000'])
  assert.deepEqual(run(false, false), { ...run(false, false), pending: [], ended_at: at('2024-04-11') })
  assert.equal(run(false, false).invoices.length, 1)
  const end = life('2024-04-01', '2024-06-01', items, { usage, actions: [{ at: at('2024-04-11'), kind: 'cancel_at_period_end' }] })
  assert.deepEqual(bills(end)[1], ['05-01 cancel', 120n, ['m metered 04-01..05-01 120']])
})

test('a change of recurrence begins anew', () => {
  const yearly = price('9000', { recurrence: { interval: 'year', interval_count: 1 } })
  const actions: History['actions'] = [{ at: at('2024-04-16'), kind: 'change', changes: [{ key: 'a', price: yearly }], proration_behavior: 'create_prorations' }]
  const usage = [{ meter: 'm', at: at('2024-04-15'), value: '3' }, { meter: 'm', at: at('2024-04-16'), value: '4' }]
  assert.deepEqual(bills(life('2024-04-01', '2024-05-16', [item('a', '1000', 1), meter('m', '10')], { actions, usage })).slice(1), [
    ['04-16 update', 8530n, ['a credit 04-16..05-01 -500', 'a licensed 04-16..04-16 9000', 'm metered 04-01..04-16 30']],
    ['05-16 cycle', 40n, ['m metered 04-16..05-16 40']],
  ])
})

test('a removed meter is billed for what it counted, and one with a new price for the old part', () => {
  const usage = [{ meter: 'm', at: at('2024-04-05'), value: '7' }, { meter: 'm', at: at('2024-04-20'), value: '1' }]
  const run = (change: object) => bills(life('2024-04-01', '2024-05-01', [item('a', '0', 1), meter('m', '10')], { usage, discounts: [{ id: 'd', percent_off: '50', duration: 'forever' }],
    actions: [{ at: at('2024-04-11'), kind: 'change', changes: [{ key: 'm', ...change }], proration_behavior: 'create_prorations' }] }))[1]![2]
  assert.deepEqual(run({ remove: true }), ['m metered 04-01..04-11 70 -35', 'a licensed 05-01..06-01 0'])
  assert.deepEqual(run({ price: price('30', { usage_type: 'metered', meter: 'm' }) }), ['m metered 04-01..04-11 70 -35', 'a licensed 05-01..06-01 0', 'm metered 04-11..05-01 30 -15'])
})

const total = (amounts: Iterable<bigint>): bigint => [...amounts].reduce((a, b) => a + b, 0n)
const size = (amount: bigint): bigint => amount < 0n ? -amount : amount

test('two thousand random lives keep the laws of a bill', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 2000; seed++) {
    const history = randomHistory(seed), before = structuredClone(history)
    const outcome = recompute(history), { invoices } = outcome
    const say = `seed ${seed}`
    assert.deepEqual(history, before, say)
    assert.deepEqual(recompute(randomHistory(seed)), outcome, say)
    let moment = 0
    for (const invoice of invoices) {
      assert.ok(invoice.at >= moment && invoice.at <= history.until && invoice.lines.length > 0, say)
      moment = invoice.at
      const discounts = total(invoice.lines.flatMap(line => line.discounts.map(one => one.amount)))
      const taxes = (inclusive: boolean) => total(invoice.lines.flatMap(line => line.taxes.filter(tax => tax.inclusive === inclusive).map(tax => tax.amount)))
      assert.equal(invoice.subtotal, total(invoice.lines.map(line => line.amount)), say)
      const credits = total(invoice.lines.flatMap(line => line.credits.map(one => one.amount)))
      assert.equal(invoice.total, invoice.subtotal - discounts - credits + taxes(false), say)
      assert.equal(invoice.total_excluding_tax, invoice.total - taxes(false) - taxes(true), say)
      if (history.tax_exempt !== 'none') assert.equal(invoice.subtotal_excluding_tax, invoice.subtotal, say)
      for (const line of invoice.lines) {
        const discount = total(line.discounts.map(one => one.amount))
        assert.ok(size(discount) <= size(line.amount) && discount * line.amount >= 0n, say)
        assert.ok(line.discountable || line.discounts.length === 0, say)
        const credit = total(line.credits.map(one => one.amount))
        assert.ok(line.credits.every(one => one.amount * line.amount > 0n) && (credit === 0n || (line.kind === 'metered' && size(credit) <= size(line.amount - discount))), say)
        seen.add(`${invoice.reason} ${line.kind}${line.discounts.length > 1 ? ' stacked' : ''}${line.taxes.some(tax => tax.amount !== 0n) ? ' taxed' : ''}`)
      }
    }
    booksOf(history, outcome.invoices.flatMap(invoice => invoice.lines).concat(outcome.pending), say)
  }
  for (const sight of ['create licensed', 'create licensed stacked taxed', 'cycle metered taxed', 'cycle debit taxed', 'update credit taxed', 'update licensed', 'cancel credit', 'cancel metered', 'cycle pending'])
    assert.ok(seen.has(`subscription_${sight}`), `no life shows ${sight}`)
})

/** Periods of an item tile its life, nobody is given back more than he was charged, and usage is billed once. */
function booksOf(history: History, lines: Line[], say: string) {
  // Schedules and pauses leave periods out and begin them anew; a threshold bills them in parts, and what waits for its payment may never be.
  const steady = !isWatched(history) && !history.card && !history.scheduled && !history.missing_payment_method && history.actions.every(action => !['schedule', 'pause', 'trial', 'resume'].includes(action.kind))
  const restarts = new Set(history.actions.map(action => action.at))
  const items = [...history.items, ...history.actions.flatMap(action => action.kind === 'change' ? action.changes.flatMap(one => one.add ?? []) : [])]
  const meters = new Map(items.map(item => [item.key, item.price.meter]))
  for (const key of new Set(lines.map(line => line.key))) {
    const own = lines.filter(line => line.key === key)
    for (const kind of steady ? ['licensed', 'metered'] : []) {
      const periods = own.filter(line => line.kind === kind).map(line => line.period).sort((a, b) => a.start - b.start)
      for (const [i, { start, end }] of periods.entries()) {
        assert.ok(start < end, say)
        const next = periods[i + 1]
        if (next && kind === 'licensed') assert.ok(next.start === end || restarts.has(next.start), `${say} ${key} ${day(end)} ${day(next.start)}`)
        if (next && kind === 'metered') assert.ok(next.start >= end, say)
      }
    }
    const credits = total(own.filter(line => line.kind === 'credit').map(line => line.amount))
    const charges = total(own.filter(line => line.kind === 'licensed' || line.kind === 'debit').map(line => line.amount - total(line.discounts.map(one => one.amount))))
    assert.ok(charges + credits >= 0n, say)
    // What is taken back in another period than it came in is lost to that: a period never bills less than nothing.
    if (!steady || history.usage.some(use => use.value.startsWith('-'))) continue
    const billed = own.filter(line => line.kind === 'metered').reduce((sum, line) => sum + Number(line.quantity), 0)
    const used = history.usage.filter(use => use.meter === meters.get(key)).reduce((sum, use) => sum + Number(use.value), 0)
    assert.ok(billed <= used + 1e-6, say)
    const quiet = history.trial_end === undefined && history.actions.every(action => action.kind !== 'cancel_now' && !('proration_behavior' in action && action.proration_behavior === 'none'))
    const last = Math.max(...own.filter(line => line.kind === 'metered').map(line => line.period.end))
    const due = history.usage.filter(use => use.meter === meters.get(key) && use.at < last).reduce((sum, use) => sum + Number(use.value), 0)
    if (quiet && history.items.some(item => item.key === key)) assert.ok(Math.abs(billed - due) < 1e-6 || last === -Infinity, `${say} ${key} billed ${billed} of ${due}`)
  }
}

test('what is used in a pause reaches no threshold, neither then nor once it is over', () => {
  // The second after the usage is a boundary of the month.
  const history = life('2025-01-01', '2025-02-15', [meter('calls', '10')], {
    threshold: { amount_gte: 500n, reset: true }, usage: [{ meter: 'calls', at: at('2025-01-31T23:59:59Z'), value: '100' }],
    actions: [
      { at: at('2025-01-10'), kind: 'pause', unused_time_from: 'now', outstanding_usage_through: 'now', invoicing_behavior: 'pending_invoice_item' },
      { at: at('2025-02-10'), kind: 'resume', anchor: 'unchanged', proration_behavior: 'none', then: 'pay' },
    ],
  })
  assert.deepEqual(bills(history), [])
  assert.equal(recompute(history).pending.length, 1)
})
