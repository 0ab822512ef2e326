/**
 * Where a webhook may go. An account writes the URL and we make the request, so without this check an account could have us speak to machines that only we can reach.
 *
 * Two checks, both needed: the URL's form before anything is looked up, and each address that the name resolves to before anything is connected to.
 * Whoever connects must connect to the checked address (see dispatch.ts); a name looked up twice may answer differently.
 * Rules: RFC 6890 and IANA's special-purpose registries; ASVS 5.0 1.3.6.
 */
import { BlockList, isIP } from 'node:net';

type DestinationOptions = {
  /** Lets `localhost` and loopback addresses be told, in plain http too: for development, where the receiver runs on the same machine. */
  allowLoopback: boolean;
  /** Ports that are allowed beside 443 and 8443. */
  ports?: readonly number[];
};

export type Destination = { url: URL; /** Without brackets and trailing dot; a name, or an address in its usual form. */ host: string; port: number; loopback: boolean };

/** A sentence for the account's people. It never says what an address was, so that it cannot be used to look around. */
type Refused = { refused: string };

const PORTS: readonly number[] = [443, 8443];
/** What listens on a developer's machine and would understand, or be confused by, a line of HTTP: databases, caches, queues, container engines. */
const NEVER_ON_LOOPBACK: readonly number[] = [2049, 2375, 2376, 2379, 2380, 3306, 4222, 5432, 5433, 6000, 6379, 6380, 9042, 9200, 9300, 10250, 11211, 27017];

const blocked = new BlockList();
const loopback = new BlockList();
/** Of IPv6 only what is handed out for global use is let through; from that, the special ranges are taken off. */
const globalUnicast = new BlockList();

for (const range of [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  '168.63.129.16/32', // A cloud's machine agent, at a public address.
]) {
  const [net, prefix] = range.split('/');
  blocked.addSubnet(net!, Number(prefix), 'ipv4');
}
// Teredo, ORCHID and benchmarking within 2001::/23; documentation; 6to4, which wraps an IPv4 address; documentation again; AS112.
for (const range of ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48']) {
  const [net, prefix] = range.split('/');
  blocked.addSubnet(net!, Number(prefix), 'ipv6');
}
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
globalUnicast.addSubnet('2000::', 3, 'ipv6');

function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  // A mapped address (::ffff:127.0.0.1) is not written by anyone who means well.
  return family !== 0 && !address.includes('%') && !(family === 6 && address.toLowerCase() !== '::1') && loopback.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host);
}

/** Null where an address may be connected to, else a sentence. `forLoopback`: the URL names this machine, and that is allowed; then nothing but this machine is. */
export function checkAddress(address: string, forLoopback: boolean): string | null {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return 'The host did not resolve to an internet address.';
  if (forLoopback) return isLoopbackAddress(address) ? null : 'The host names this machine but resolves to another one.';
  if (family === 6 && !globalUnicast.check(address, 'ipv6')) return 'The host resolves to an address that is not on the public internet.';
  if (blocked.check(address, family === 6 ? 'ipv6' : 'ipv4')) return 'The host resolves to an address that is not on the public internet.';
  return null;
}

function refusePort(port: number, forLoopback: boolean, more: readonly number[]): string | null {
  if (more.includes(port)) return null;
  if (!forLoopback) return PORTS.includes(port) ? null : `The port must be ${[...PORTS, ...more].join(' or ')}.`;
  if (port === 80 || port === 443) return null;
  return port < 1024 || NEVER_ON_LOOPBACK.includes(port) ? 'This port is not one that a webhook receiver listens on.' : null;
}

/** The URL taken apart where a webhook may be sent there, else the reason why not, as a sentence. Nothing is looked up. */
export function checkUrl(text: string, options: DestinationOptions): Destination | Refused {
  if (text.length > 2048) return { refused: 'The URL is longer than 2,048 characters.' };
  // The URL parser drops tabs and line breaks and turns backslashes into slashes; a URL that needs this is not what it looks like.
  if (/[\u0000-\u0020\u007f-\u009f\u2028\u2029\\]/.test(text)) return { refused: 'The URL contains a space, a backslash or a control character.' };
  if (!URL.canParse(text)) return { refused: 'This is not a URL. Give it in full, such as https://example.com/webhooks.' };
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { refused: 'The URL must start with https://.' };
  if (!/^https?:\/\/[^/]/i.test(text)) return { refused: 'The URL must have the form https://host/path.' };
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text)) return { refused: 'The URL must not carry a user name or password.' };
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '').toLowerCase();
  if (host === '' || host.endsWith('.') || host.includes('%')) return { refused: 'The URL has no valid host.' };
  const local = isLoopbackHost(host);
  if (local && !options.allowLoopback) return { refused: 'The URL points to this machine. Only a development server may do that.' };
  if (url.protocol === 'http:' && !local) return { refused: 'The URL must start with https://.' };
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const wrongPort = refusePort(port, local, options.ports ?? []);
  if (wrongPort) return { refused: wrongPort };
  if (isIP(host)) {
    const wrong = checkAddress(host, local);
    if (wrong) return { refused: wrong.replace('The host resolves to', 'The URL names') };
  }
  return { url, host, port, loopback: local };
}
