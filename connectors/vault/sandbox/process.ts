/**
 * The vault's process. Nobody but the Kontor that has started it can speak to it, and it ends with that one. It may read its own code, its directory and its key, write the latter two, and nothing else: no network,
 * no processes. It has no output, so that nothing can be printed by mistake.
 */
import { Desk } from './desk.ts';
import { UNOPENED, type Asked, type Place, type Told } from './words.ts';

process.umask(0o077);
process.on('disconnect', () => process.exit(0));

const { directory, key_file, presenters } = JSON.parse(process.argv[2]!) as Place;
const opening = Desk.open(directory, key_file, presenters).catch((error: Error) => error);

process.on('message', async (asked: Asked) => {
  const desk = await opening;
  // The next process finds what an operator has mended meanwhile.
  if (desk instanceof Error) return process.send!({ id: asked.id, fault: desk.message } satisfies Told, () => process.exit(UNOPENED));
  try {
    return process.send!({ id: asked.id, answer: await desk.answer(asked) } satisfies Told);
  } catch (error) {
    return process.send!({ id: asked.id, fault: (error as Error).message } satisfies Told);
  }
});
