/** By what types an account wants to be paid: one default configuration, and others that a payment or setup names. */
import type Stripe from 'stripe';
import { decision, refuse } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json, type Resource, type Room, type World } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { boolean, choice, fields, listParams, text, unsupported, type Params } from '../../server/http/params.ts';
import { get, post } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { equal, page, renderList } from '../../server/lists.ts';
import { lacking, lackingTypes } from '../payment_methods/params.ts';
import { configurationsById, UNCHANGED, USUAL, type ConfigurationRow, type Preference } from './rows.ts';

const CONNECT = 'Kontor serves one account: there are no connected ones';
const { crypto, nz_bank_account, ...lackingOthers } = lackingTypes;
const withCards = unsupported('it goes with cards: say it of `card`');
const preference = () => fields({ display_preference: fields({ preference: choice('none', 'off', 'on') }) });

const chosen = {
  ...lackingOthers, crypto, nz_bank_account,
  apple_pay: withCards, apple_pay_later: lacking, cartes_bancaires: withCards, fr_meal_voucher_conecs: lacking, google_pay: withCards, jcb: withCards,
  bancontact: preference(), card: preference(), cashapp: preference(), customer_balance: preference(), ideal: preference(), klarna: preference(), link: preference(), paypal: preference(), sepa_debit: preference(),
  us_bank_account: preference(),
  name: text({ max: 100 }),
};

const createConfiguration = fields({ ...chosen, parent: unsupported(CONNECT) });
covers<Stripe.PaymentMethodConfigurationCreateParams, typeof createConfiguration>(true);
agrees<Stripe.PaymentMethodConfigurationCreateParams, typeof createConfiguration>(true);

const updateConfiguration = fields({ ...chosen, active: boolean() });
covers<Stripe.PaymentMethodConfigurationUpdateParams, typeof updateConfiguration>(true);
agrees<Stripe.PaymentMethodConfigurationUpdateParams, typeof updateConfiguration>(true);

const listConfigurations = listParams({ active: boolean(), application: unsupported(CONNECT) });
covers<Stripe.PaymentMethodConfigurationListParams, typeof listConfigurations>(true);

const nothing = fields({});
covers<Stripe.PaymentMethodConfigurationRetrieveParams, typeof nothing>(true);

function renderConfiguration(row: ConfigurationRow, world: World): Wire<Stripe.PaymentMethodConfiguration> {
  const types = Object.entries({ ...USUAL, ...row.preferences }).map(([type, value]) => [type, { available: value === 'on', display_preference: { overridable: null, preference: row.preferences[type] ?? 'none', value } }]);
  return {
    id: row.id, object: 'payment_method_configuration', active: row.active, application: null, is_default: row.is_default, livemode: world.livemode, name: row.name, parent: null, ...Object.fromEntries(types),
  } as Wire<Stripe.PaymentMethodConfiguration>;
}

/** What is said of single types; `none` takes back what was said. */
function preferencesOf(given: Partial<Params<typeof updateConfiguration>>, before: Record<string, Preference>): Record<string, Preference> {
  const after = { ...before };
  for (const type of Object.keys(USUAL)) {
    const said = (given as Record<string, { display_preference?: { preference?: 'none' | Preference } } | undefined>)[type]?.display_preference?.preference;
    if (said === 'none') delete after[type];
    else if (said !== undefined) after[type] = said;
  }
  return after;
}

async function create(ctx: Context, given: Params<typeof createConfiguration>): Promise<Json> {
  const { now, newId } = realMoment(ctx.app);
  const after: ConfigurationRow = { id: newId('pmc'), created: now, name: given.name ?? 'Custom', active: true, is_default: false, preferences: preferencesOf(given, {}) };
  await commit(ctx, { ...decision(), puts: [{ table: 'payment_method_configurations', before: null, after }] });
  return renderConfiguration(after, ctx.world);
}

async function existing(ctx: Context, id: string, lock = false): Promise<ConfigurationRow> {
  const [found] = await configurationsById(ctx.tx, [id], lock);
  return found ?? missing('payment_method_configuration', id);
}

async function update(ctx: Context, given: Params<typeof updateConfiguration>, path: { configuration: string }): Promise<Json> {
  const before = await existing(ctx, path.configuration, true);
  if (before.is_default && given.active === false) refuse(undefined, 'The default configuration is always active.', 'active');
  const { name = before.name, active = before.active } = given;
  const unchanged = before === UNCHANGED;
  const after: ConfigurationRow = { ...before, created: unchanged ? ctx.app.clock.now() : before.created, name, active, preferences: preferencesOf(given, before.preferences) };
  await commit(ctx, { ...decision(), puts: [{ table: 'payment_method_configurations', before: unchanged ? null : before, after }] });
  return renderConfiguration(after, ctx.world);
}

async function retrieve(ctx: Context, _given: object, path: { configuration: string }): Promise<Json> {
  return renderConfiguration(await existing(ctx, path.configuration), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listConfigurations>): Promise<Json> {
  const { data, has_more } = await page<ConfigurationRow>(ctx, 'payment_method_configurations', 'payment_method_configuration', equal('active', given.active), given);
  // The default one that nobody has changed is stored nowhere; it is the oldest.
  const [usual] = await configurationsById(ctx.tx, [UNCHANGED.id]);
  const last = !has_more && given.starting_after === undefined && usual === UNCHANGED && given.active !== false ? [UNCHANGED] : [];
  return renderList('/v1/payment_method_configurations', [...data, ...last].map((each) => renderConfiguration(each, ctx.world)), has_more);
}

const configuration: Resource<ConfigurationRow> = { object: 'payment_method_configuration', prefix: 'pmc', render: renderConfiguration, load: (ctx, ids) => configurationsById(ctx.tx, ids) };

export const paymentMethodConfigurations: Room = {
  resources: [configuration],
  routes: [
    post('/v1/payment_method_configurations', createConfiguration, create),
    get('/v1/payment_method_configurations', listConfigurations, list),
    get('/v1/payment_method_configurations/:configuration', nothing, retrieve),
    post('/v1/payment_method_configurations/:configuration', updateConfiguration, update),
  ],
};
