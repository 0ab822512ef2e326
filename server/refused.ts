/** Kontor does not start. The message is a sentence for the person at the terminal: what is wrong, and what to do. It is printed without a stack. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
