import { strict as assert } from 'node:assert';
import { createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { checkAddress, checkUrl } from './destination.ts';
import { dispatch } from './dispatch.ts';

const outside = { allowLoopback: false };
const inside = { allowLoopback: true };

const ALLOWED = ['8.8.8.8', '1.1.1.1', '9.255.255.255', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '198.17.255.255', '198.20.0.0', '223.255.255.255', '2606:4700::1111', '2a00:1450::1', '2001:200::1', '2001:4860:4860::8888', '3ffe::1'];
const FORBIDDEN = [
  '0.0.0.0', '0.255.255.255', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1',
  '192.31.196.1', '192.52.193.1', '192.88.99.1', '192.168.0.1', '192.168.255.255', '192.175.48.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1',
  '255.255.255.255', '168.63.129.16', '100.100.100.200', '::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::169.254.169.254',
  '64:ff9b:1::a00:1', '100::1', '2001::1', '2001:0:7f00:1::', '2001:2::1', '2001:10::1', '2001:20::1', '2001:1ff:ffff::1', '2001:db8::1', '2002:7f00:1::', '2002:a9fe:a9fe::1', '3fff::1', '3fff:fff::1', '2620:4f:8000::1',
  '5f00::1', '4000::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'febf::1', 'fec0::1', 'ff02::1', 'ff0e::1', 'localhost', '', '1', '0x7f000001',
];

test('addresses of the public internet are let through, those of the special registries are not', () => {
  for (const address of ALLOWED) assert.equal(checkAddress(address, false), null, address);
  for (const address of FORBIDDEN) assert.notEqual(checkAddress(address, false), null, address);
});

test('a URL of this machine may lead to this machine only', () => {
  for (const address of ['127.0.0.1', '127.8.9.10', '::1']) assert.equal(checkAddress(address, true), null, address);
  for (const address of [...ALLOWED, ...FORBIDDEN.filter((each) => !/^(127\.|::1$)/.test(each))]) assert.notEqual(checkAddress(address, true), null, address);
});

test('a usual webhook URL is taken apart', () => {
  const rows: [string, { host: string; port: number; loopback: boolean }][] = [
    ['https://example.com/webhooks?a=b#c', { host: 'example.com', port: 443, loopback: false }],
    ['https://EXAMPLE.com.:8443/', { host: 'example.com', port: 8443, loopback: false }],
    ['https://bücher.example/x', { host: 'xn--bcher-kva.example', port: 443, loopback: false }],
    ['https://[2606:4700::1111]/x', { host: '2606:4700::1111', port: 443, loopback: false }],
    ['https://example.com/a@b', { host: 'example.com', port: 443, loopback: false }],
    ['http://localhost:4242/webhook', { host: 'localhost', port: 4242, loopback: true }],
    ['http://shop.localhost:3000/webhook', { host: 'shop.localhost', port: 3000, loopback: true }],
    ['http://[::1]:3000/webhook', { host: '::1', port: 3000, loopback: true }],
    ['http://127.0.0.1/webhook', { host: '127.0.0.1', port: 80, loopback: true }],
  ];
  for (const [url, { host, port, loopback }] of rows) {
    const to = checkUrl(url, inside);
    assert.ok(!('refused' in to), url);
    assert.deepEqual({ host: to.host, port: to.port, loopback: to.loopback }, { host, port, loopback }, url);
  }
});

test('a refused URL says why', () => {
  const rows: [string, RegExp, { allowLoopback: boolean; ports?: number[] }?][] = [
    ['http://example.com/', /https/], ['http://example.com/', /https/, inside], ['ftp://example.com/', /https/], ['example.com/hook', /not a URL/], ['', /not a URL/],
    ['https://u:p@example.com/', /user name/], ['https://@example.com/', /user name/], ['https://example.com:22/', /443 or 8443/], ['https://example.com:8080/', /443 or 8443 or 9000/, { allowLoopback: false, ports: [9000] }],
    ['https://localhost/', /this machine/], ['https://127.1/', /this machine/], ['https://10.0.0.1/', /names an address/], ['https://[fe80::1]/', /names an address/], ['https://exa mple.com/', /space/],
    ['https://example.com/\r\nHost: evil', /control/], ['https:\\\\example.com', /backslash/], [`https://example.com/${'a'.repeat(2048)}`, /longer/], ['http://localhost:6379/', /port/, inside], ['http://localhost:25/', /port/, inside],
    ['https:///example.com', /form/], ['https:example.com', /form/],
  ];
  for (const [url, why, options = outside] of rows) {
    const to = checkUrl(url, options);
    assert.ok('refused' in to, url);
    assert.match(to.refused, why, url);
  }
});

// The rest tries to reach a listener on this machine by every spelling there is.
const canaries: Server[] = [];
let connections = 0;
let port = 0;

before(async () => {
  const listen = (host: string, at: number): Promise<Server | null> =>
    new Promise((resolve) => {
      const server = createServer((socket) => {
        connections++;
        socket.destroy();
      });
      server.once('error', () => resolve(null));
      server.listen({ host, port: at, ipv6Only: host === '::' }, () => resolve(server));
    });
  const first = await listen('0.0.0.0', 0);
  assert.ok(first);
  port = (first.address() as { port: number }).port;
  canaries.push(first);
  const second = await listen('::', port);
  if (second) canaries.push(second);
});
after(() => canaries.forEach((each) => each.close()));

/** Every way to write an IPv4 address that some parser takes. */
function spellings(address: string): string[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
  const whole = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const octal = (value: number): string => `0${value.toString(8)}`;
  const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const fullwidth = address.replaceAll(/[0-9]/g, (digit) => String.fromCharCode(0xff10 + Number(digit)));
  return [
    address, `${address}.`, `${whole}`, hex(whole), `0X${whole.toString(16).toUpperCase()}`, octal(whole), `${a}.${whole & 0xffffff}`, `${a}.${b}.${(c << 8) | d}`, [a, b, c, d].map(hex).join('.'),
    [a, b, c, d].map(octal).join('.'), `${hex(a)}.${b}.${octal(c)}.${d}`, `${octal(a)}.${hex(whole & 0xffffff)}`, `00000${octal(a)}.${b}.${c}.${d}`, fullwidth, address.replaceAll('.', '。'), address.replaceAll('.', '%2e'),
    `[::ffff:${address}]`, `[::ffff:${groups}]`, `[0:0:0:0:0:ffff:${groups}]`, `[::${address}]`, `[::${groups}]`, `[::ffff:0:${groups}]`, `[64:ff9b::${groups}]`, `[64:ff9b::${address}]`, `[64:ff9b:1::${groups}]`, `[2002:${groups}::1]`,
    `[2001:0:${groups}::1]`, `user:pass@${address}`, `example.com@${address}`, `example.com#@${address}`.replace('#', '%23'),
  ];
}

function corpus(): string[] {
  const hosts = [
    ...['127.0.0.1', '127.9.8.7', '0.0.0.0', '10.1.2.3', '169.254.169.254', '192.168.1.1', '172.16.5.4', '100.64.1.1'].flatMap(spellings),
    'localhost', 'LOCALHOST', 'localhost.', 'sub.localhost', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'loc\u00adalhost', '[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[0000::0001]', '[fe80::1]', '[fe80::1%25lo]', '[fd00:ec2::254]', '[ff02::1]', '[::1%25lo]',
    'rebound.example', 'mapped.example', 'mixed.example', 'metadata.example', 'sixtofour.example', 'zone.example', 'empty.example', 'text.example',
  ];
  const forms = hosts.flatMap((host) => [`https://${host}:${port}/`, `http://${host}:${port}/`]);
  const crlf = ['\r\n', '\n', '\t', '\0', ' ', '\u2028', '\\', '%0d%0a'].flatMap((mark) => [`https://example.com:${port}${mark}@127.0.0.1:${port}/`, `https://127.0.0.1${mark}:${port}/`, `https:${mark}//127.0.0.1:${port}/`, `http://local${mark}host:${port}/`]);
  const odd = [`//127.0.0.1:${port}/`, `https:127.0.0.1:${port}`, `https:/127.0.0.1:${port}`, `https:///127.0.0.1:${port}/`, `gopher://127.0.0.1:${port}/`, `file:///etc/passwd`, `ftp://127.0.0.1:${port}/`, `ws://127.0.0.1:${port}/`, `unix:/run/docker.sock`, `data:text/plain,x`, `https://127.0.0.1:${port}:80/`, `https://[127.0.0.1]:${port}/`, `jar:https://127.0.0.1:${port}!/`];
  return [...forms, ...crlf, ...odd];
}

const lies: Record<string, string[]> = {
  'rebound.example': ['127.0.0.1'], 'mapped.example': ['::ffff:127.0.0.1'], 'mixed.example': ['93.184.215.14', '127.0.0.1'], 'metadata.example': ['169.254.169.254'], 'sixtofour.example': ['2002:7f00:1::1'],
  'zone.example': ['fe80::1%lo'], 'empty.example': [], 'text.example': ['localhost'],
};
const resolve = async (host: string): Promise<string[]> => lies[host] ?? ['127.0.0.1'];

test('no spelling of a URL, and no lying resolver, leads to a connection into this network', async () => {
  const urls = corpus();
  assert.ok(urls.length >= 200, `${urls.length} forms`);
  const went: string[] = [];
  for (const url of urls) {
    // The port is allowed, so that it is the address that refuses.
    const delivery = await dispatch({ url, body: '{}', headers: {}, options: { ...outside, ports: [port], resolve, connect_ms: 500, total_ms: 500 } });
    assert.equal(delivery.status, null, url);
    if (/refused the connection|reached|did not stand|closed the connection|did not answer|certificate/.test(delivery.error ?? '')) went.push(`${url}: ${delivery.error}`);
  }
  assert.deepEqual(went, []);
  assert.equal(connections, 0);
});

test('even where loopback is allowed, only what names this machine in plain words leads to it', async () => {
  const hosts = ['0.0.0.0', '0', '[::]', '[::ffff:127.0.0.1]', '[::127.0.0.1]', '10.0.0.1', '169.254.169.254', 'rebound.example', 'mixed.example', 'u:p@127.0.0.1', '[64:ff9b::127.0.0.1]'];
  for (const host of hosts) {
    for (const scheme of ['http', 'https']) {
      const delivery = await dispatch({ url: `${scheme}://${host}:${port}/`, body: '{}', headers: {}, options: { ...inside, ports: [port], resolve, connect_ms: 500, total_ms: 500 } });
      assert.equal(delivery.status, null, host);
    }
  }
  const other = await dispatch({ url: `http://localhost:${port}/`, body: '{}', headers: {}, options: { ...inside, ports: [port], resolve: async () => ['10.0.0.1'], connect_ms: 500 } });
  assert.match(other.error ?? '', /resolves to another one/);
  assert.equal(connections, 0);
  // The canary does sing when it is reached.
  await dispatch({ url: `http://127.0.0.1:${port}/`, body: '{}', headers: {}, options: { ...inside, ports: [port] } });
  assert.equal(connections, 1);
});
