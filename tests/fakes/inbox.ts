/** Where a fake's webhooks go in tests without a Kontor: the processor takes them, and what it makes of them is kept. */
import type { News, Notice, Processor } from '../../connectors/processors/processor.ts';
import { listen } from './server.ts';

export class Inbox {
  readonly notices: Notice[] = [];
  readonly news: News[] = [];
  readonly url: string;
  readonly close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.close = close;
  }

  static async open(processor: Processor): Promise<Inbox> {
    const taking: Promise<void>[] = [];
    const server = await listen(({ body, headers }) => {
      taking.push(processor.receive({ body, headers }).then((received) => {
        if (received.kind === 'refused') throw new Error(received.message);
        inbox.notices.push(...received.notices);
        inbox.news.push(...(received.news ?? []));
      }));
      return { status: 200, body: {} };
    }, {});
    const inbox: Inbox = new Inbox(`http://127.0.0.1:${server.port}`, async () => {
      await server.close();
      await Promise.all(taking);
    });
    return inbox;
  }
}
