import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { verify } from '../../server/verify.ts';
import { startKontor } from '../../tests/kontor.ts';
import { refused, untyped } from '../../tests/refused.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());

const customerOf = (more: Stripe.CustomerCreateParams = {}) => kontor.stripe.customers.create({ email: 'jenny@example.com', ...more });

test('a draft is made, read with all that it is, changed and listed', async () => {
  const { stripe } = kontor;
  const customer = await customerOf({ name: 'Jenny', address: { country: 'DE', city: 'Berlin' }, invoice_settings: { footer: 'Thank you' } });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
  const told = listen(kontor);
  await told();
  const made = await stripe.invoices.create({ customer: customer.id, currency: 'eur', description: 'Consulting', metadata: { project: 'x' }, default_tax_rates: [rate.id], custom_fields: [{ name: 'PO', value: '42' }] });
  assert.deepEqual(typesOf(await told()), ['invoice.created']);
  assert.deepEqual(
    [made.status, made.billing_reason, made.collection_method, made.auto_advance, made.number, made.customer_name, made.footer, made.currency, made.total],
    ['draft', 'manual', 'charge_automatically', false, null, 'Jenny', 'Thank you', 'eur', 0],
  );
  assert.deepEqual(made.default_tax_rates.map((each) => each.id), [rate.id]);
  await stripe.invoiceItems.create(untyped({ customer: customer.id, invoice: made.id, unit_amount_decimal: '1050.5', quantity: 2 }));
  assert.deepEqual(typesOf(await told()), ['invoiceitem.created', 'invoice.updated']);
  const changed = await stripe.invoices.update(made.id, { collection_method: 'send_invoice', days_until_due: 14, description: '', metadata: { project: '' } });
  assert.deepEqual([changed.collection_method, changed.description, changed.metadata, changed.subtotal, changed.total], ['send_invoice', null, {}, 2101, 2500]);
  assert.deepEqual(changed.total_taxes?.map(({ amount, taxable_amount }) => [amount, taxable_amount]), [[399, 2101]]);
  const [event] = await told();
  assert.deepEqual(event?.previous, { collection_method: 'charge_automatically', description: 'Consulting', metadata: { project: 'x' } });
  assert.deepEqual((await stripe.invoices.list({ customer: customer.id, status: 'draft', collection_method: 'send_invoice' })).data.map((each) => each.id), [made.id]);
  assert.deepEqual((await stripe.invoices.list({ customer: customer.id, status: 'open' })).data, []);
  const open = await stripe.invoices.finalizeInvoice(made.id);
  assert.equal(open.due_date, open.status_transitions.finalized_at! + 14 * 86_400);
  const worded = await stripe.invoices.update(made.id, { description: 'As agreed', metadata: { seen: 'yes' } });
  assert.deepEqual([worded.description, worded.metadata], ['As agreed', { seen: 'yes' }]);
});

test('what waits for an invoice comes onto it, in the order in which it was made', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const product = await stripe.products.create({ name: 'Hours' });
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 9000 });
  const first = await stripe.invoiceItems.create(untyped({ customer: customer.id, pricing: { price: price.id }, quantity_decimal: '1.5' }));
  const second = await stripe.invoiceItems.create({ customer: customer.id, amount: -1000, currency: 'usd', description: 'Goodwill' });
  assert.deepEqual([first.amount, first.quantity, first.description, second.discountable], [13_500, 1, 'Hours', false]);
  const invoice = await stripe.invoices.create({ customer: customer.id, pending_invoice_items_behavior: 'include', discounts: [{ coupon: (await stripe.coupons.create({ percent_off: 10, duration: 'once' })).id }] });
  assert.deepEqual(invoice.lines.data.map((line) => [line.description, line.amount, line.parent?.invoice_item_details?.invoice_item]), [['Hours', 13_500, first.id], ['Goodwill', -1000, second.id]]);
  assert.deepEqual([invoice.subtotal, invoice.total, invoice.total_discount_amounts?.[0]?.amount], [12_500, 11_150, 1350]);
  assert.equal((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data.length, 0);
});

test('a deleted draft is gone, and its items wait again', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const item = await stripe.invoiceItems.create({ customer: customer.id, amount: 500, currency: 'usd' });
  const invoice = await stripe.invoices.create({ customer: customer.id, pending_invoice_items_behavior: 'include', auto_advance: true });
  assert.equal(invoice.total, 500);
  const told = listen(kontor);
  await told();
  assert.deepEqual(await stripe.invoices.del(invoice.id).then(({ id, deleted }) => [id, deleted]), [invoice.id, true]);
  assert.deepEqual(typesOf(await told()), ['invoice.deleted']);
  await assert.rejects(stripe.invoices.retrieve(invoice.id), { code: 'resource_missing', statusCode: 404 });
  assert.equal((await stripe.invoiceItems.retrieve(item.id)).invoice, null);
});

test('lines are added, changed and removed while the invoice is a draft', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const product = await stripe.products.create({ name: 'Setup' });
  const waiting = await stripe.invoiceItems.create({ customer: customer.id, amount: 300, currency: 'usd', description: 'Waiting' });
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd' });
  const added = await stripe.invoices.addLines(draft.id, {
    lines: [{ amount: 1000, description: 'First' }, { invoice_item: waiting.id }, { price_data: { currency: 'usd', product: product.id, unit_amount: 250 }, quantity: 4 }],
    invoice_metadata: { touched: 'yes' },
  });
  assert.deepEqual(added.lines.data.map((line) => [line.description, line.amount]), [['First', 1000], ['Waiting', 300], ['Setup', 1000]]);
  assert.deepEqual([added.total, added.metadata], [2300, { touched: 'yes' }]);
  const [first, second, third] = added.lines.data;
  const changed = await stripe.invoices.updateLines(draft.id, { lines: [{ id: first!.id, amount: 1500 }, { id: third!.id, quantity: 2 }] });
  assert.deepEqual(changed.lines.data.map((line) => [line.id, line.amount]), [[first!.id, 1500], [second!.id, 300], [third!.id, 500]]);
  const line = await stripe.invoices.updateLineItem(draft.id, first!.id, { description: 'Renamed', metadata: { a: 'b' } });
  assert.deepEqual([line.description, line.metadata], ['Renamed', { a: 'b' }]);
  const fewer = await stripe.invoices.removeLines(draft.id, { lines: [{ id: second!.id, behavior: 'unassign' }, { id: third!.id, behavior: 'delete' }] });
  assert.deepEqual([fewer.lines.data.map((each) => each.id), fewer.total], [[first!.id], 1500]);
  assert.deepEqual((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data.map((each) => each.id), [waiting.id]);
});

test('of many lines ten stand on the invoice, and all are listed', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd' });
  const invoice = await stripe.invoices.addLines(draft.id, { lines: Array.from({ length: 23 }, (_, n) => ({ amount: n, description: `Line ${n}` })) });
  assert.deepEqual([invoice.lines.data.length, invoice.lines.has_more], [10, true]);
  const amounts: number[] = [];
  for await (const line of stripe.invoices.listLineItems(draft.id, { limit: 9 })) amounts.push(line.amount);
  assert.deepEqual(amounts, Array.from({ length: 23 }, (_, n) => n));
  const back = await stripe.invoices.listLineItems(draft.id, { limit: 2, ending_before: invoice.lines.data[5]!.id });
  assert.deepEqual([back.data.map((line) => line.amount), back.has_more], [[3, 4], true]);
});

test('an item changes with its draft, and not with a finalized invoice', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd' });
  const item = await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 1000, currency: 'usd' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 10, inclusive: false });
  const coupon = await stripe.coupons.create({ amount_off: 200, currency: 'usd', duration: 'forever' });
  const changed = await stripe.invoiceItems.update(item.id, { amount: 1200, tax_rates: [rate.id], discounts: [{ coupon: coupon.id }], description: 'More' });
  assert.deepEqual([changed.amount, changed.tax_rates?.[0]?.id, changed.discounts?.length], [1200, rate.id, 1]);
  assert.deepEqual(await stripe.invoices.retrieve(draft.id).then(({ subtotal, total }) => [subtotal, total]), [1200, 1100]);
  await stripe.invoiceItems.update(item.id, { discounts: '' });
  assert.equal((await stripe.invoices.retrieve(draft.id)).total, 1320);
  const told = listen(kontor);
  await told();
  const spare = await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 5, currency: 'usd' });
  assert.deepEqual(await stripe.invoiceItems.del(spare.id).then(({ id, deleted }) => [id, deleted]), [spare.id, true]);
  assert.deepEqual(typesOf(await told()), ['invoiceitem.created', 'invoice.updated', 'invoice.updated', 'invoiceitem.deleted']);
  await stripe.invoices.finalizeInvoice(draft.id);
  const editing = [
    () => stripe.invoiceItems.update(item.id, { amount: 1 }),
    () => stripe.invoiceItems.del(item.id),
    () => stripe.invoices.addLines(draft.id, { lines: [{ amount: 1 }] }),
    () => stripe.invoices.del(draft.id),
    () => stripe.invoices.finalizeInvoice(draft.id),
  ];
  for (const edit of editing) {
    await assert.rejects(edit as () => Promise<unknown>, { code: 'invoice_not_editable', statusCode: 400 });
  }
});

test('a once discount that a draft uses no more can be used again', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const once = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd', discounts: [{ coupon: once.id }] });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 1000, currency: 'usd' });
  assert.equal((await stripe.invoices.retrieve(draft.id)).total, 500);
  await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 1000, currency: 'usd' });
  assert.equal((await stripe.invoices.retrieve(draft.id)).total, 1000, 'what this invoice uses it keeps');
  assert.equal((await stripe.invoices.update(draft.id, { discounts: '' })).total, 2000);
});

test('what is wrong with a request is said', async () => {
  const { stripe } = kontor;
  const customer = await customerOf();
  const other = await customerOf();
  const draft = await stripe.invoices.create({ customer: customer.id, currency: 'usd' });
  const ended = await stripe.invoices.finalizeInvoice((await stripe.invoices.create({ customer: customer.id, currency: 'usd' })).id);
  const item = await stripe.invoiceItems.create({ customer: customer.id, amount: 1, currency: 'usd' });
  const recurring = await stripe.prices.create({ currency: 'usd', unit_amount: 1, recurring: { interval: 'month' }, product_data: { name: 'x' } });
  const dear = await stripe.prices.create({ currency: 'usd', unit_amount: 999_999_999_999, product_data: { name: 'Dear' } });
  const make = (given: object) => () => stripe.invoices.create(untyped({ customer: customer.id, ...given }));
  const add = (given: object) => () => stripe.invoiceItems.create(untyped({ customer: customer.id, ...given }));
  await refused([
    [() => stripe.invoices.create(untyped({})), 'parameter_missing', 'customer'],
    [() => stripe.invoices.create({ customer: 'cus_none' }), 'resource_missing', 'customer'],
    [make({ collection_method: 'send_invoice' }), 'parameter_missing', 'days_until_due'],
    [make({ days_until_due: 3 }), undefined, 'days_until_due'],
    [make({ collection_method: 'send_invoice', days_until_due: 3, due_date: 2_000_000_000 }), 'parameters_exclusive', 'days_until_due'],
    [make({ subscription: 'sub_none' }), 'resource_missing', 'subscription'],
    [make({ currency: 'eur' }), undefined, 'currency'],
    [make({ default_tax_rates: ['txr_none'] }), 'resource_missing', 'default_tax_rates[0]'],
    [make({ discounts: [{ coupon: 'none' }] }), 'resource_missing', 'discounts[0][coupon]'],
    [make({ discounts: [{ coupon: 'a', discount: 'di_b' }] }), 'parameters_exclusive', 'discounts[0][coupon]'],
    [make({ default_payment_method: 'pm_none' }), 'resource_missing', 'default_payment_method'],
    [make({ number: 'A-1' }), 'parameter_unknown', 'number'],
    [make({ automatic_tax: { enabled: true } }), 'parameter_unknown', 'automatic_tax[enabled]'],
    [() => stripe.invoices.update(ended.id, untyped({ due_date: 2_000_000_000 })), 'invoice_not_editable', 'due_date'],
    [() => stripe.invoices.update(draft.id, { auto_advance: false, automatically_finalizes_at: 2_000_000_000 }), undefined, 'automatically_finalizes_at'],
    [() => stripe.invoices.retrieve('in_none'), 'resource_missing', 'id', 404],
    [() => stripe.invoices.pay(ended.id), 'status_transition_invalid', undefined],
    [() => stripe.invoices.pay(draft.id, { forgive: true }), 'parameter_unknown', 'forgive'],
    [() => stripe.invoices.sendInvoice(draft.id), undefined, undefined],
    [() => stripe.invoices.voidInvoice(draft.id), 'status_transition_invalid', undefined],
    [() => stripe.invoices.markUncollectible(draft.id), 'status_transition_invalid', undefined],
    [() => stripe.invoices.attachPayment(draft.id, { payment_intent: 'pi_none' }), 'resource_missing', 'payment_intent'],
    [() => stripe.invoices.addLines(draft.id, { lines: [{ invoice_item: 'ii_none' }] }), 'resource_missing', 'lines[0][invoice_item]'],
    [() => stripe.invoices.removeLines(draft.id, { lines: [{ id: 'il_none', behavior: 'delete' }] }), 'resource_missing', 'lines[0][id]'],
    [() => stripe.invoices.list({ status: untyped('late') }), undefined, 'status'],
    [add({}), 'parameter_missing', 'amount'],
    [add({ amount: 1, quantity: 2 }), 'parameters_exclusive', 'amount'],
    [add({ amount: 1, unit_amount_decimal: '1' }), 'parameters_exclusive', 'amount'],
    [add({ unit_amount_decimal: '999999999999', quantity: 2 }), 'amount_too_large', 'unit_amount_decimal'],
    [() => stripe.invoices.addLines(draft.id, { lines: [{ pricing: { price: dear.id }, quantity: 2 }] }), 'amount_too_large', 'lines[0][pricing][price]'],
    [add({ pricing: { price: 'price_none' } }), 'resource_missing', 'pricing[price]'],
    [add({ pricing: { price: recurring.id } }), undefined, 'pricing[price]'],
    [add({ price_data: { currency: 'usd', product: 'prod_none', unit_amount: 1 } }), 'resource_missing', 'price_data[product]'],
    [add({ amount: 1, invoice: ended.id }), 'invoice_not_editable', undefined],
    [() => stripe.invoiceItems.create({ customer: other.id, amount: 1, currency: 'usd', invoice: draft.id }), 'resource_missing', 'invoice'],
    [add({ amount: 1, currency: 'eur', invoice: draft.id }), undefined, 'currency'],
    [add({ amount: 1, period: { start: 2, end: 1 } }), undefined, 'period[end]'],
    [add({ amount: 1, tax_code: 'txcd_1' }), 'parameter_unknown', 'tax_code'],
    [() => stripe.invoiceItems.update(item.id, { pricing: { price: 'price_none' } }), 'resource_missing', 'pricing[price]'],
    [() => stripe.invoiceItems.retrieve('ii_none'), 'resource_missing', 'id', 404],
  ]);
});

test('the books agree with the documents', async () => {
  assert.deepEqual(await verify(kontor.database, () => {}), []);
});

test('a draft shows its customer as that is now, and what follows from an exemption from tax', async () => {
  const { stripe } = kontor;
  const told = listen(kontor);
  const customer = await stripe.customers.create({ name: 'Ada', email: 'ada@example.com' });
  const rate = await stripe.taxRates.create({ display_name: 'Sales tax', percentage: 19, inclusive: false });
  const draft = async () => {
    const { id } = await stripe.invoices.create({ customer: customer.id });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: id, amount: 1_000, currency: 'usd', tax_rates: [rate.id] });
    return id;
  };
  const [open, waiting] = [(await stripe.invoices.finalizeInvoice(await draft())).id, await draft()];
  await told();
  await stripe.customers.update(customer.id, { name: 'Grace', phone: '1', tax_exempt: 'reverse' });
  const shown = async (id: string) => {
    const { customer_name, customer_phone, customer_tax_exempt, total, amount_due } = await stripe.invoices.retrieve(id);
    return [customer_name, customer_phone, customer_tax_exempt, total, amount_due];
  };
  assert.deepEqual([await shown(waiting), await shown(open)], [['Grace', '1', 'reverse', 1_000, 1_000], ['Ada', null, 'none', 1_190, 1_190]]);
  const events = await told();
  assert.deepEqual(typesOf(events), ['customer.updated', 'invoice.updated']);
  assert.deepEqual([events[1]!.previous?.customer_name, events[1]!.previous?.total], ['Ada', 1_190]);
  await stripe.customers.update(customer.id, { metadata: { a: 'b' }, name: 'Grace' });
  assert.deepEqual(typesOf(await told()), ['customer.updated']);
});
