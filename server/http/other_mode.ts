/** What is asked for in the wrong mode: no mistake is made more often than to take the other key. */
import { Refusal } from '../../billing/decision.ts';
import { inContext, resourceOfId, type App, type World } from '../context.ts';
import { row, sql } from '../database/sql.ts';
import { overAllWorlds } from '../database/world.ts';

/** A refusal of what does not exist says so where the account has it in its other mode. Every other error is left as it is. */
export async function saidOfOtherMode({ app, world, publishable }: { app: App; world: World; publishable: boolean }, error: unknown): Promise<unknown> {
  if (!(error instanceof Refusal) || typeof error.details.missing !== 'string' || publishable) return error;
  const { code, message, param, details: { missing: id, kind, ...details } } = error as Refusal & { details: { missing: string } };
  // Messages name some kinds in words of their own: the id tells what those are.
  const resource = app.register.resources.get(String(kind)) ?? resourceOfId(app.register, id);
  const other = resource?.load && (await overAllWorlds(app.database.pool, (tx) => row<World>(tx, sql`select id, account, livemode from worlds where account = ${world.account} and livemode = ${!world.livemode}`)));
  if (!other) return error;
  const found = await inContext(app, other, (ctx) => resource.load!(ctx, [id]));
  if (found.length === 0) return error;
  const [here, there] = world.livemode ? ['live', 'test'] : ['test', 'live'];
  return new Refusal(code, `${message}; a similar object exists in ${there} mode, but a ${here} mode key was used to make this request.`, param, details);
}
