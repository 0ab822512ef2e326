/** Whether the seals of the ledger are a chain that this installation has signed. That each of them fits its entries is an invariant. */
import type { World } from '../context.ts';
import { rows, sql } from '../database/sql.ts';
import type { Queryable } from '../database/world.ts';
import { sealHash, sealText, type SealRow } from './seal.ts';

/** So many seals are read at once. */
const BATCH = 5_000;

export async function brokenSeals(tx: Queryable, world: Pick<World, 'id'>, sign?: (text: string) => string): Promise<{ object: string; sentence: string }[]> {
  const broken: { object: string; sentence: string }[] = [];
  let last: SealRow | null = null;
  for (;;) {
    const seals: SealRow[] = await rows<SealRow>(tx, sql`select * from ledger_seals where number > ${last?.number ?? 0n} order by number limit ${BATCH}`);
    for (const seal of seals) {
      const object = `seal ${seal.number}`;
      if (!sealHash(last?.hash ?? null, seal).equals(seal.hash)) broken.push({ object, sentence: 'its hash does not follow from the seal before it' });
      if (sign && sign(sealText(world, seal)) !== seal.signature) broken.push({ object, sentence: 'this installation has not signed it' });
      last = seal;
    }
    if (seals.length < BATCH) return broken;
  }
}
