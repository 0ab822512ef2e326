import { strict as assert } from 'node:assert';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { dispatch, type Delivery, type DispatchOptions } from './dispatch.ts';

const servers: { server: Server; sockets: Set<Socket> }[] = [];
after(() => {
  for (const { server, sockets } of servers) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
});

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  servers.push({ server, sockets });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, () => resolve()));
  return (server.address() as AddressInfo).port;
}
const web = (listener: RequestListener): Promise<number> => listen(createServer(listener));
const raw = (listener: (socket: Socket) => void): Promise<number> => listen(createPlainServer(listener));

/** Limits that no machine reaches, but where a test is about one. */
const send = (url: string, more: Partial<DispatchOptions> = {}, headers: Record<string, string> = {}): Promise<Delivery> =>
  dispatch({ url, body: '{"é":1}', headers, options: { allowLoopback: true, connect_ms: 60_000, total_ms: 60_000, ...more } });

test('a webhook arrives as a POST with its body, its headers and the host of its URL', async () => {
  const seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[] = [];
  const port = await web(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
  });
  const delivery = await send(`http://localhost:${port}/hooks/a?b=c#d`, {}, { 'Stripe-Signature': 't=1,v1=ab', 'Content-Type': 'application/json', Host: 'evil.example', 'Content-Length': '3', 'Transfer-Encoding': 'chunked' });
  assert.equal(delivery.status, 204);
  assert.equal(delivery.error, null);
  assert.ok(delivery.duration_ms >= 0 && Number.isInteger(delivery.duration_ms));
  assert.equal(seen.length, 1);
  const { method, url, headers, body } = seen[0]!;
  assert.deepEqual({ method, url, body, host: headers.host, length: headers['content-length'], coding: headers['transfer-encoding'], signature: headers['stripe-signature'] }, {
    method: 'POST', url: '/hooks/a?b=c', body: '{"é":1}', host: `localhost:${port}`, length: '8', coding: undefined, signature: 't=1,v1=ab',
  });
});

test('the status is told as it is, also where it is a refusal', async () => {
  for (const status of [200, 201, 299, 400, 404, 410, 429, 500, 503]) {
    const port = await web((_request, response) => response.writeHead(status).end('no'));
    const { status: told, error } = await send(`http://127.0.0.1:${port}/`);
    assert.deepEqual({ told, error }, { told: status, error: null });
  }
});

test('a redirect is not followed', async () => {
  let followed = 0;
  const target = await web((_request, response) => {
    followed++;
    response.end();
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const port = await web((_request, response) => response.writeHead(status, { location: `http://127.0.0.1:${target}/` }).end());
    const delivery = await send(`http://127.0.0.1:${port}/`);
    assert.equal(delivery.status, status);
    assert.match(delivery.error ?? '', /redirect/);
  }
  assert.equal(followed, 0);
});

test('of an endless answer little is read, and its status counts', async () => {
  let written = 0;
  const port = await web((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384;
      written += 16_384;
    };
    response.writeHead(200).on('drain', more);
    more();
  });
  const delivery = await send(`http://127.0.0.1:${port}/`);
  assert.deepEqual({ status: delivery.status, error: delivery.error }, { status: 200, error: null });
  // What was written is what was read plus what the machine's buffers took.
  assert.ok(written < 16 * 1024 * 1024, `${written} bytes`);
});

test('an answer that never ends is cut off at the total limit, and its status counts', async () => {
  const port = await web((_request, response) => void response.writeHead(200).write('a'));
  const delivery = await send(`http://127.0.0.1:${port}/`, { total_ms: 300 });
  assert.equal(delivery.status, 200);
  assert.ok(delivery.duration_ms >= 250);
});

test('an answer that breaks off after its status has been given', async () => {
  const port = await raw((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')));
  assert.equal((await send(`http://127.0.0.1:${port}/`)).status, 200);
});

test('what does not answer in time is given up, whatever it does meanwhile', async () => {
  const drip = (text: string) => (socket: Socket): void => {
    socket.write('HTTP/1.1 ');
    const timer = setInterval(() => socket.write(text), 20);
    socket.on('close', () => clearInterval(timer));
  };
  const interim = (socket: Socket): void => {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 20);
    socket.on('close', () => clearInterval(timer));
  };
  for (const tarpit of [() => {}, drip('2'), drip('200 OK\r\nx: y\r\n'), interim] as ((socket: Socket) => void)[]) {
    const port = await raw(tarpit);
    const delivery = await send(`http://127.0.0.1:${port}/`, { total_ms: 600 });
    assert.equal(delivery.status, null);
    assert.match(delivery.error ?? '', /did not answer/);
  }
});

test('a connection that does not stand in time is given up: here a server that never shakes hands', async () => {
  const port = await raw(() => {});
  const delivery = await send(`https://localhost:${port}/`, { connect_ms: 200 });
  assert.match(delivery.error ?? '', /connection did not stand within 0.2 seconds/);
});

test('a resolver that does not answer, fails or throws is told as such', async () => {
  const slow = await send('https://example.com/', { allowLoopback: false, resolve: () => new Promise(() => {}), connect_ms: 100 });
  assert.match(slow.error ?? '', /not resolved within 0.1 seconds/);
  const failing = await send('https://example.com/', { resolve: async () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })) });
  assert.match(failing.error ?? '', /could not be resolved/);
  const throwing = await send('https://example.com/', { resolve: () => { throw new Error('x'); } });
  assert.match(throwing.error ?? '', /could not be sent/);
});

test('what is closed, closes, or does not speak HTTP is told apart', async () => {
  const closed = await web(() => {});
  await new Promise((resolve) => servers.at(-1)!.server.close(resolve));
  const closing = await raw((socket) => socket.once('data', () => socket.destroy()));
  const garbage = await raw((socket) => socket.once('data', () => socket.end('220 mail.example ESMTP\r\n')));
  const switching = await raw((socket) => socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')));
  const rows: [number, RegExp][] = [[closed, /refused the connection/], [closing, /closed the connection/], [garbage, /did not answer in HTTP/], [switching, /another protocol|closed the connection/]];
  for (const [port, error] of rows) {
    const delivery = await send(`http://127.0.0.1:${port}/`);
    assert.equal(delivery.status, null);
    assert.match(delivery.error ?? '', error);
  }
});

test('headers that would break out of their line send nothing', async () => {
  let requests = 0;
  const port = await web((_request, response) => {
    requests++;
    response.end();
  });
  const delivery = await send(`http://127.0.0.1:${port}/`, {}, { 'x-note': 'a\r\nx-evil: 1' });
  assert.match(delivery.error ?? '', /could not be sent/);
  assert.equal(requests, 0);
});

test('a name is resolved once, and the connection goes to the address that was checked', async () => {
  const port = await web((_request, response) => response.end());
  let asked = 0;
  const resolve = async (): Promise<string[]> => (++asked === 1 ? ['127.0.0.1'] : ['10.0.0.1']);
  assert.equal((await send(`http://hooks.localhost:${port}/`, { resolve })).status, 200);
  assert.equal(asked, 1);
});

test('where the first of several addresses does not listen, the next one is tried', async () => {
  const port = await web((_request, response) => response.end());
  assert.equal((await send(`http://localhost:${port}/`, { resolve: async () => ['::1', '127.0.0.1'] })).status, 200);
});

test('a proxy named by the environment is not used', async () => {
  let proxied = 0;
  const proxy = await raw((socket) => {
    proxied++;
    socket.destroy();
  });
  const port = await web((_request, response) => response.writeHead(202).end());
  const script = `const { dispatch } = await import(${JSON.stringify(new URL('dispatch.ts', import.meta.url).href)});
    console.log((await dispatch({ url: 'http://localhost:${port}/', body: '', headers: {}, options: { allowLoopback: true } })).status);`;
  const environment = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: `http://127.0.0.1:${proxy}`, http_proxy: `http://127.0.0.1:${proxy}`, NO_PROXY: '', no_proxy: '' };
  const told = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], { env: environment }, (cause, out) => (cause ? reject(cause) : resolve(out)));
  });
  assert.equal(told.trim(), '202');
  assert.equal(proxied, 0);
});

const withoutOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed';

test('over TLS the certificate is verified for the host of the URL, which is also named to the server', { skip: withoutOpenssl }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kontor-dispatch-'));
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=hooks.localhost', '-addext', 'subjectAltName=DNS:hooks.localhost', '-keyout', join(folder, 'key'), '-out', join(folder, 'cert')], { stdio: 'ignore' });
    const [key, cert] = [readFileSync(join(folder, 'key'), 'utf8'), readFileSync(join(folder, 'cert'), 'utf8')];
    const names: unknown[] = [];
    const port = await listen(createSecureServer({ key, cert }, (request, response) => {
      names.push((request.socket as TLSSocket).servername, request.headers.host);
      response.end();
    }));
    const resolve = async (): Promise<string[]> => ['127.0.0.1'];
    assert.equal((await send(`https://hooks.localhost:${port}/`, { resolve, ca: [cert] })).status, 200);
    assert.deepEqual(names, ['hooks.localhost', `hooks.localhost:${port}`]);
    for (const delivery of [await send(`https://other.localhost:${port}/`, { resolve, ca: [cert] }), await send(`https://hooks.localhost:${port}/`, { resolve })]) {
      assert.equal(delivery.status, null);
      assert.match(delivery.error ?? '', /certificate/);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
