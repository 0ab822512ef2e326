/**
 * What a helpdesk company sells: three tiers by the seat, an AI agent by the resolution, messages in tiers, and two add-ons.
 *
 * Run twice, it changes nothing: products are known by their ids, meters by the name of their events, what a resolution is by its name, prices by their lookup keys.
 */

import Stripe from 'stripe';

type Meter = { name: string; event: string };
/** What the AI agent is paid for. Its successes are counted on a meter that is made for it. */
const resolution = {
  display_name: 'AI resolution',
  subject_key: 'conversation',
  rules: [
    { event_name: 'ai_answered', effect: 'open', quiet_for: '24h' },
    { event_name: 'person_confirmed', effect: 'succeed', requires_open: true },
    { event_name: 'person_asked_again', effect: 'fail' },
    { event_name: 'handed_over', effect: 'fail', final: true },
    { event_name: 'reopened', effect: 'reverse', within: '60d' },
  ],
} as const;

type Product = { id: string; name: string; description: string; unit?: string };
type Price = Stripe.PriceCreateParams & { product: string; lookup_key: string; meter?: string; /** Units that are included in each period. */ included?: string };

const meters: readonly Meter[] = [
  { name: 'Messages', event: 'message_sent' },
  { name: 'Campaign messages', event: 'campaign_message_sent' },
];

const products: readonly Product[] = [
  { id: 'helpdesk_essential', name: 'Essential', description: 'A shared inbox and a help center.', unit: 'seat' },
  { id: 'helpdesk_advanced', name: 'Advanced', description: 'Automation, and several inboxes.', unit: 'seat' },
  { id: 'helpdesk_expert', name: 'Expert', description: 'Security, service levels and reporting for large teams.', unit: 'seat' },
  { id: 'helpdesk_ai_agent', name: 'AI agent', description: 'Charged for each conversation that it resolves.', unit: 'resolution' },
  { id: 'helpdesk_messages', name: 'Messages', description: 'Text messages to customers; a thousand each month are included.', unit: 'message' },
  { id: 'helpdesk_copilot', name: 'Copilot', description: 'Suggests answers to the people at their seats.', unit: 'seat' },
  { id: 'helpdesk_campaigns', name: 'Campaigns', description: 'Messages to many at once; 500 each month are included.', unit: 'message' },
];

const monthly = { interval: 'month' } as const;
const yearly = { interval: 'year' } as const;
const counted = { interval: 'month', usage_type: 'metered' } as const;

/** The amounts are in cents. A tier's price is that of the units in it. */
const prices: readonly Price[] = [
  { lookup_key: 'essential_monthly', product: 'helpdesk_essential', currency: 'usd', unit_amount: 3_900, recurring: monthly },
  { lookup_key: 'essential_yearly', product: 'helpdesk_essential', currency: 'usd', unit_amount: 34_800, recurring: yearly },
  { lookup_key: 'advanced_monthly', product: 'helpdesk_advanced', currency: 'usd', unit_amount: 9_900, recurring: monthly },
  { lookup_key: 'advanced_yearly', product: 'helpdesk_advanced', currency: 'usd', unit_amount: 102_000, recurring: yearly },
  { lookup_key: 'expert_monthly', product: 'helpdesk_expert', currency: 'usd', unit_amount: 13_900, recurring: monthly },
  { lookup_key: 'expert_yearly', product: 'helpdesk_expert', currency: 'usd', unit_amount: 158_400, recurring: yearly },
  { lookup_key: 'copilot_monthly', product: 'helpdesk_copilot', currency: 'usd', unit_amount: 2_900, recurring: monthly },
  { lookup_key: 'ai_resolution', product: 'helpdesk_ai_agent', currency: 'usd', unit_amount: 99, recurring: counted, meter: 'AI resolution' },
  {
    lookup_key: 'messages', product: 'helpdesk_messages', currency: 'usd', recurring: counted, meter: 'message_sent', billing_scheme: 'tiered', tiers_mode: 'graduated',
    tiers: [{ up_to: 9_000, unit_amount: 4 }, { up_to: 'inf', unit_amount_decimal: Stripe.Decimal.from('3.5') }], included: '1000',
  },
  {
    lookup_key: 'campaigns', product: 'helpdesk_campaigns', currency: 'usd', recurring: counted, meter: 'campaign_message_sent', billing_scheme: 'tiered', tiers_mode: 'graduated',
    tiers: [{ up_to: 500, flat_amount: 9_900, unit_amount: 0 }, { up_to: 'inf', unit_amount: 5 }],
  },
];

/** Makes what is missing of the catalogue. */
export async function catalog(stripe: Stripe): Promise<void> {
  const meterIds = await putMeters(stripe);
  meterIds.set(resolution.display_name, await putResolution(stripe));
  await putProducts(stripe);
  await putPrices(stripe, meterIds);
}

/** The meters' ids by the names of their events. */
async function putMeters(stripe: Stripe): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  for await (const meter of stripe.billing.meters.list({ status: 'active', limit: 100 })) ids.set(meter.event_name, meter.id);
  for (const { name, event } of meters) {
    if (ids.has(event)) continue;
    const meter = await stripe.billing.meters.create({ display_name: name, event_name: event, default_aggregation: { formula: 'sum' } });
    ids.set(event, meter.id);
  }
  return ids;
}

type Definition = { display_name: string; outcomes: { meter: string }[] };

/** The meter of resolutions, whose definition is made where it is missing. */
async function putResolution(stripe: Stripe): Promise<string> {
  const { data } = (await stripe.rawRequest('GET', '/v1/kontor/outcome_definitions?limit=100')) as { data: Definition[] };
  const there = data.find((each) => each.display_name === resolution.display_name);
  const definition = there ?? ((await stripe.rawRequest('POST', '/v1/kontor/outcome_definitions', resolution)) as Definition);
  return definition.outcomes[0]!.meter;
}

async function putProducts(stripe: Stripe): Promise<void> {
  const { data } = await stripe.products.list({ ids: products.map((product) => product.id), limit: 100 });
  const there = new Set(data.map((product) => product.id));
  for (const { id, name, description, unit } of products) {
    if (!there.has(id)) await stripe.products.create({ id, name, description, unit_label: unit });
  }
}

async function putPrices(stripe: Stripe, meterIds: ReadonlyMap<string, string>): Promise<void> {
  const { data } = await stripe.prices.list({ lookup_keys: prices.map((price) => price.lookup_key), limit: 100 });
  const there = new Set(data.map((price) => price.lookup_key));
  for (const { meter, recurring, included, ...price } of prices) {
    if (there.has(price.lookup_key)) continue;
    const { id } = await stripe.prices.create({ ...price, recurring: { ...recurring!, meter: meter && meterIds.get(meter) } });
    if (included !== undefined) await stripe.rawRequest('POST', `/v1/kontor/prices/${id}`, { allowance: { quantity: included } });
  }
}
