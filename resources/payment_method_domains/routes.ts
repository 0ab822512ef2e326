/** The domains on which a shop shows wallets. In test mode each is good at once; for live wallets somebody has to prove that the domain is the shop's, which is done at the wallet. */
import type Stripe from 'stripe';
import { decision, refuse } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json, type Resource, type Room, type World } from '../../server/context.ts';
import { rows, sql } from '../../server/database/sql.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { boolean, byDefault, fields, listParams, required, text, type Params } from '../../server/http/params.ts';
import { get, post } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { equal, page, renderList } from '../../server/lists.ts';

type DomainRow = { id: string; created: number; domain_name: string; enabled: boolean };

const name = () => text({ max: 253, pattern: /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/, shape: 'be a domain in lower case, e.g. `shop.example.com`' });

const createDomain = fields({ domain_name: required(name()), enabled: byDefault(boolean(), true) });
covers<Stripe.PaymentMethodDomainCreateParams, typeof createDomain>(true);
agrees<Stripe.PaymentMethodDomainCreateParams, typeof createDomain>(true);
const updateDomain = fields({ enabled: boolean() });
covers<Stripe.PaymentMethodDomainUpdateParams, typeof updateDomain>(true);
agrees<Stripe.PaymentMethodDomainUpdateParams, typeof updateDomain>(true);
const listDomains = listParams({ domain_name: name(), enabled: boolean() });
covers<Stripe.PaymentMethodDomainListParams, typeof listDomains>(true);
agrees<Stripe.PaymentMethodDomainListParams, typeof listDomains>(true);
const nothing = fields({});
covers<Stripe.PaymentMethodDomainRetrieveParams, typeof nothing>(true);
covers<Stripe.PaymentMethodDomainValidateParams, typeof nothing>(true);

const UNPROVEN = { status: 'inactive', status_details: { error_message: 'Kontor proves no domains to live wallets: that is done at the payment processor.' } } as const;

function renderDomain(domain: DomainRow, world: World): Wire<Stripe.PaymentMethodDomain> {
  const wallet = world.livemode ? UNPROVEN : ({ status: 'active' } as const);
  const lacking = { status: 'inactive', status_details: { error_message: 'Kontor has no payments by Amazon Pay.' } } as const;
  return {
    id: domain.id, object: 'payment_method_domain', amazon_pay: lacking, apple_pay: wallet, created: domain.created, domain_name: domain.domain_name, enabled: domain.enabled, google_pay: wallet, klarna: wallet,
    link: wallet, livemode: world.livemode, paypal: wallet,
  };
}

const domainsById = (ctx: Context, ids: readonly string[]) => rows<DomainRow>(ctx.tx, sql`select * from payment_method_domains where id = any(${ids}::text[]) order by id`);

const domain: Resource<DomainRow> = { object: 'payment_method_domain', prefix: 'pmd', render: renderDomain, load: domainsById };

type Path = { domain: string };

async function existing(ctx: Context, path: Path): Promise<DomainRow> {
  const [found] = await domainsById(ctx, [path.domain]);
  return found ?? missing('payment method domain', path.domain);
}

/** Of two that make the same one at once, the second waits and is refused. */
async function create(ctx: Context, { domain_name, enabled }: Params<typeof createDomain>): Promise<Json> {
  const { now, newId } = realMoment(ctx.app);
  await rows(ctx.tx, sql`select pg_advisory_xact_lock(hashtextextended(${`domain ${domain_name}`}, kontor_world()))`);
  const [known] = await rows<DomainRow>(ctx.tx, sql`select * from payment_method_domains where domain_name = ${domain_name}`);
  if (known) refuse('resource_already_exists', `The domain ${domain_name} is there already, as ${known.id}.`, 'domain_name');
  const made: DomainRow = { id: newId('pmd'), created: now, domain_name, enabled };
  await commit(ctx, { ...decision(), puts: [{ table: 'payment_method_domains', before: null, after: made }] });
  return renderDomain(made, ctx.world);
}

async function update(ctx: Context, given: Params<typeof updateDomain>, path: Path): Promise<Json> {
  const before = await existing(ctx, path);
  const after: DomainRow = { ...before, enabled: given.enabled ?? before.enabled };
  await commit(ctx, { ...decision(), puts: [{ table: 'payment_method_domains', before, after }] });
  return renderDomain(after, ctx.world);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderDomain(await existing(ctx, path), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listDomains>): Promise<Json> {
  const { data, has_more } = await page<DomainRow>(ctx, 'payment_method_domains', 'payment method domain', [...equal('domain_name', given.domain_name), ...equal('enabled', given.enabled)], given);
  return renderList('/v1/payment_method_domains', data.map((each) => renderDomain(each, ctx.world)), has_more);
}

export const paymentMethodDomains: Room = {
  resources: [domain],
  routes: [
    post('/v1/payment_method_domains', createDomain, create),
    get('/v1/payment_method_domains', listDomains, list),
    get('/v1/payment_method_domains/:domain', nothing, retrieve),
    post('/v1/payment_method_domains/:domain', updateDomain, update),
    post('/v1/payment_method_domains/:domain/validate', nothing, retrieve),
  ],
};
