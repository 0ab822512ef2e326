/** Lets so many pass at once. The others wait for their turn, in the order in which they have come, and for a while only. */

/** The turn has not come in time: nothing was begun. */
export class NotReached extends Error {}

export class Turnstile {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #patience_ms: number;

  constructor(at_once: number, patience_ms: number) {
    this.#free = at_once;
    this.#patience_ms = patience_ms;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #turn(): Promise<void> | undefined {
    if (this.#free > 0) return void (this.#free -= 1);
    return new Promise((resolve, reject) => {
      const come = () => { clearTimeout(patience); resolve(); };
      const patience = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(come), 1);
        reject(new NotReached('Too much is under way.'));
      }, this.#patience_ms);
      this.#waiting.push(come);
    });
  }
}
