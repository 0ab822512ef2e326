import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { until } from '../../tests/awaited.ts';
import { startKontor } from '../../tests/kontor.ts';

const servers: Server[] = [];

const kontor = await startKontor();
after(async () => {
  await kontor.close();
  for (const server of servers) server.close();
});

/** A receiver, and where it is. `hear` gets the id of what each event is about, and says whether it is answered. */
async function receiver(hear: (object: string) => boolean): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      if (hear(JSON.parse(body).data.object.id)) response.end();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://localhost:${(server.address() as AddressInfo).port}/`;
}

test('an endpoint that never answers holds up no other one, is sent little at once, and does not keep the server from closing', async () => {
  const held: string[] = [];
  const heard: string[] = [];
  const { stripe } = kontor;
  const another = await kontor.another();
  await stripe.webhookEndpoints.create({ url: await receiver((object) => !held.push(object)), enabled_events: ['customer.created'] });
  const healthy = await receiver((object) => heard.push(object) > 0);
  await stripe.webhookEndpoints.create({ url: healthy, enabled_events: ['customer.created'] });
  await another.stripe.webhookEndpoints.create({ url: healthy, enabled_events: ['customer.created'] });
  const made: string[] = [];
  for (let n = 0; n < 20; n += 1) made.push((await stripe.customers.create()).id);
  await until(() => held.length === 8 && heard.length === 20);
  for (let n = 0; n < 20; n += 1) made.push((await another.stripe.customers.create()).id);
  await until(() => heard.length === 40);
  assert.deepEqual(heard.toSorted(), made.toSorted());
  assert.equal(held.length, 8);
});
