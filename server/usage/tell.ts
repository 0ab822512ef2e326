/** Who waits for usage is told of it in the transaction in which it is recorded, taken back or put back. */
import type { Context, UsageBatch } from '../context.ts';

const isEmpty = ({ recorded, canceled, restored }: UsageBatch): boolean => recorded.length + canceled.length + restored.length === 0;

/** Tells of usage now, or, where it `holds`, keeps it to be told of with the rest. */
export async function tellOfUsage(ctx: Context, batch: UsageBatch): Promise<void> {
  if (isEmpty(batch)) return;
  if (ctx.untold) return void ctx.untold.push(batch);
  for (const observer of ctx.app.register.usage) await observer.observe(ctx, batch);
}

/** The context in which usage is only noted: what takes the place of what is taken back is told of together with it, by `tellOfHeld`. */
export const holding = (ctx: Context): Context & { untold: UsageBatch[] } => ({ ...ctx, untold: [] });

export async function tellOfHeld(ctx: Context, { untold }: { untold: readonly UsageBatch[] }): Promise<void> {
  const all = <T>(part: (batch: UsageBatch) => readonly T[]): T[] => untold.flatMap(part);
  await tellOfUsage(ctx, { recorded: all(({ recorded }) => recorded), canceled: all(({ canceled }) => canceled), restored: all(({ restored }) => restored) });
}
