/** What NATS says about itself on its monitoring port, which its clients are not told: how it writes to the disk. */
import type { Facts } from './health.ts';

type Varz = { jetstream?: { config?: { sync_interval?: number; sync_always?: boolean } } };

const TIMEOUT_MS = 3_000;

/** Of each address that answers; `unreachable` names the others. */
export async function askMonitors(addresses: readonly string[]): Promise<{ disks: Facts['disks']; unreachable: string[] }> {
  const disks: { server: string; sync: string | null }[] = [];
  const unreachable: string[] = [];
  await Promise.all(addresses.map(async (address) => {
    try {
      const response = await fetch(new URL('/varz', address), { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
      if (!response.ok) throw new Error(`it answers ${response.status}`);
      disks.push(diskOf(address, (await response.json()) as Varz));
    } catch (error) {
      unreachable.push(`${address}: ${(error as Error).message}`);
    }
  }));
  return { disks: disks.sort((a, b) => (a.server < b.server ? -1 : 1)), unreachable };
}

function diskOf(address: string, { jetstream }: Varz): { server: string; sync: string | null } {
  const { sync_always, sync_interval } = jetstream?.config ?? {};
  return { server: `The NATS server at ${address}`, sync: sync_always === true ? 'always' : sync_interval === undefined ? null : `${sync_interval / 1e9} seconds` };
}
