/** The official client's way to the server, with a judge beside it: every answer is held against Stripe's types. */
import Stripe from 'stripe';
import { NATIVE_VERSION } from '../../server/http/versions.ts';
import { operationOf, violations } from './openapi.ts';

type HttpClient = ReturnType<typeof Stripe.createNodeHttpClient>;

export type Judge = {
  /** For the option `httpClient` of a client. */
  httpClient: HttpClient;
  /** The ids of the operations that were answered with success. */
  called: Set<string>;
  /** Throws where an answer was not as Stripe's types say, and names each such place once. */
  verdict(): void;
};

/** Answers to one operation that are wrong at one place, whatever the position in a list, are one finding. */
const place = (pointer: string) => pointer.replace(/\/[0-9]+(?=\/|$)/g, '/*');

/** Events about what Stripe does not have are named as such. */
const isOwnEvent = (pointer: string, problem: string) => pointer.endsWith('type') && problem.startsWith('"kontor.');

/** `after` is waited for after each answer. */
export function appointJudge(after?: (path: string) => Promise<void> | undefined): Judge {
  const called = new Set<string>();
  const findings = new Map<string, string>();
  const client = Stripe.createNodeHttpClient();
  const hear = (method: string, path: string, status: number, headers: Record<string, unknown>, body: unknown): void => {
    const operation = operationOf(method, path);
    const find = (pointer: string, problem: string) => {
      const where = `${method} ${operation?.path ?? path.split('?', 1)[0]} (${status})`;
      findings.set(`${where} ${place(pointer)} ${problem.replace(/^".*?"|^[0-9.]+/, '')}`, `${where}: ${pointer || 'the answer'} is ${problem}`);
    };
    if (typeof headers['request-id'] !== 'string') find('/request-id', 'missing among the headers');
    if (status < 400 && operation) called.add(operation.id);
    // Shapes of older versions are not in the document.
    if (status < 400 && headers['stripe-version'] !== NATIVE_VERSION) return;
    for (const { pointer, problem } of violations(method, path, status, body)) if (!isOwnEvent(pointer, problem)) find(pointer, problem);
  };
  return {
    called,
    verdict() {
      if (findings.size > 0) throw new Error(`${findings.size} places in answers are not as Stripe's types say:\n  ${[...findings.values()].sort().join('\n  ')}`);
    },
    httpClient: {
      getClientName: () => client.getClientName(),
      async makeRequest(...request: Parameters<HttpClient['makeRequest']>) {
        const [, , path, method] = request;
        const response = await client.makeRequest(...request);
        await after?.(path);
        const toJSON = response.toJSON.bind(response);
        response.toJSON = async () => {
          const body: unknown = await toJSON();
          hear(method, path, response.getStatusCode(), response.getHeaders() as Record<string, unknown>, body);
          return body as object;
        };
        return response;
      },
    } as HttpClient,
  };
}
