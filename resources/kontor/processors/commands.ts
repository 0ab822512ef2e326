import { decision, refuse } from '../../../billing/decision.ts';
import { mergeMetadata } from '../../../billing/metadata.ts';
import type { Processor, ProcessorKind } from '../../../connectors/processors/processor.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { quoted } from '../../../server/http/forms.ts';
import type { Params } from '../../../server/http/params.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { outside } from '../../../server/questions.ts';
import { Secret } from '../../../server/secret.ts';
import type * as params from './params.ts';
import { bond, configurationOf, kindOf, opens, processorById, processorIfOpen, type ProcessorRow } from './rows.ts';

type Path = { processor: string };

async function render(ctx: Context, processor: ProcessorRow): Promise<Json> {
  const capabilities = (await processorIfOpen(ctx.app, ctx.world, processor))?.capabilities();
  return {
    id: processor.id,
    object: 'kontor.processor',
    account: processor.account,
    capabilities: capabilities ? { idempotency: capabilities.idempotency, lookup: capabilities.lookup, payment_methods: Object.keys(capabilities.methods) } : null,
    created: processor.created,
    livemode: ctx.world.livemode,
    metadata: processor.metadata,
    name: processor.name,
    settings: { ...processor.settings, ...Object.fromEntries(Object.entries(processor.secrets).map(([name, { hint }]) => [name, hint])) },
    status: processor.status,
    type: processor.type,
    webhook_url: `${ctx.app.url}/v1/kontor/processors/${processor.id}/webhooks`,
  };
}

/** So much of a secret is shown that a person knows which it is. */
const hintOf = (secret: string): string => (secret.length < 16 ? '…' : `…${secret.slice(-4)}`);

/** The row with these settings, each in its place; refuses what the type does not have, lacks, or cannot mean. */
function withSettings(ctx: Context, kind: ProcessorKind, before: ProcessorRow, given: Record<string, string>): ProcessorRow {
  const { settings, secrets } = before;
  const after: ProcessorRow = { ...before, settings: { ...settings }, secrets: { ...secrets } };
  for (const [name, value] of Object.entries(given)) {
    const param = `settings[${quoted(name)}]`;
    const known = Object.hasOwn(kind.settings, name) ? kind.settings[name] : undefined;
    if (!known) return refuse('parameter_unknown', `A processor of the type ${kind.kind} has no setting of this name; it has ${Object.keys(kind.settings).join(', ')}.`, param);
    if (known.pattern && !known.pattern.test(value)) refuse(undefined, `\`${name}\` must ${known.shape}.`, param);
    if (known.secret) after.secrets[name] = { sealed: ctx.app.safe.seal(new Secret(value), bond(ctx.world, before.id, name)), hint: hintOf(value) };
    else after.settings[name] = value;
  }
  const lacking = Object.entries(kind.settings).find(([name, { required }]) => required && after.settings[name] === undefined && after.secrets[name] === undefined);
  if (lacking) refuse('parameter_missing', `A processor of the type ${kind.kind} needs \`${lacking[0]}\`: ${lacking[1].about}`, `settings[${lacking[0]}]`);
  const fault = kind.faultIn(configurationOf(ctx.app, ctx.world, after));
  if (fault) refuse(fault.code, fault.message, `settings[${fault.setting}]`);
  return after;
}

/** Whose a processor with these settings is, as it says itself; null where nobody can tell. `which` of the two is asked. */
async function ownerBy(ctx: Context, kind: ProcessorKind, row: ProcessorRow, which: 'old' | 'new'): Promise<Awaited<ReturnType<NonNullable<Processor['account']>>> | null> {
  const configuration = configurationOf(ctx.app, ctx.world, row);
  return outside(ctx, `whose is the ${which} ${kind.owned_by}`, async () => (await (await kind.open(configuration)).account?.()) ?? null);
}

/** The same after a change, which must not put another account's in the place of what keeps methods and has taken payments. Where nobody has ever said whose it is, the old settings may. */
async function ownerAfter(ctx: Context, kind: ProcessorKind, before: ProcessorRow, after: ProcessorRow): Promise<string | null> {
  const param = `settings[${kind.owned_by}]`;
  const said = await ownerBy(ctx, kind, after, 'new');
  const now = said?.kind === 'account' ? said.id : null;
  const known = before.account ?? (await ownerBefore(ctx, kind, before));
  if (known === null) return now;
  if (now !== null && now !== known) {
    refuse(undefined, `This is the \`${kind.owned_by}\` of the account ${now}, and what ${before.id} keeps and has taken is at the account ${known}. Configure another processor for ${now}, and make this one inactive.`, param);
  }
  if (now === null && said?.kind === 'failed') refuse(undefined, `Whether this is of the account ${known} cannot be told: ${said.message}`, param);
  if (now === null) refuse(undefined, `The payment processor has not answered whether this is of the account ${known}. Nothing has been changed; try again.`, param, { type: 'api_error', status: 503, should_retry: true });
  return now;
}

/** Settings that do not open any more tell nothing. */
async function ownerBefore(ctx: Context, kind: ProcessorKind, before: ProcessorRow): Promise<string | null> {
  if (!opens(ctx.app, ctx.world, before)) return null;
  const said = await ownerBy(ctx, kind, before, 'old');
  return said?.kind === 'account' ? said.id : null;
}

export async function create(ctx: Context, given: Params<typeof params.createProcessor>): Promise<Json> {
  const kind = kindOf(ctx.app, given.type);
  if (!kind) return refuse(undefined, `There is no type of processor ${quoted(given.type)}; there is ${ctx.app.connectors.processors.kinds.map((each) => each.kind).join(', ') || 'none'}.`, 'type');
  const moment = realMoment(ctx.app);
  const empty: ProcessorRow = { id: moment.newId('prc'), created: moment.now, type: kind.kind, status: 'active', name: given.name ?? null, account: null, settings: {}, secrets: {}, metadata: mergeMetadata({}, given.metadata) };
  const settled = withSettings(ctx, kind, empty, given.settings);
  const said = await ownerBy(ctx, kind, settled, 'new');
  const after = { ...settled, account: said?.kind === 'account' ? said.id : null };
  await commit(ctx, { ...decision(), puts: [{ table: 'processors', before: null, after }] });
  return render(ctx, after);
}

export async function update(ctx: Context, given: Params<typeof params.updateProcessor>, path: Path): Promise<Json> {
  const before = (await processorById(ctx.tx, path.processor, true)) ?? missing('processor', path.processor);
  const { name = before.name, status = before.status } = given;
  const changed = { ...before, name, status, metadata: mergeMetadata(before.metadata, given.metadata) };
  const kind = kindOf(ctx.app, before.type)!;
  const settled = given.settings ? withSettings(ctx, kind, changed, given.settings) : changed;
  const after = given.settings?.[kind.owned_by] === undefined ? settled : { ...settled, account: await ownerAfter(ctx, kind, before, settled) };
  await commit(ctx, { ...decision(), puts: [{ table: 'processors', before, after }] });
  return render(ctx, after);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return render(ctx, (await processorById(ctx.tx, path.processor)) ?? missing('processor', path.processor));
}

export async function list(ctx: Context, given: Params<typeof params.listProcessors>): Promise<Json> {
  const { data, has_more } = await page<ProcessorRow>(ctx, 'processors', 'processor', [...equal('status', given.status), ...equal('type', given.type)], given);
  return renderList('/v1/kontor/processors', await Promise.all(data.map((each) => render(ctx, each))), has_more);
}
