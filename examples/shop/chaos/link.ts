// The way between one process and Redis: it can be slow, silent, or cut.
import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class Link {
  /** Added to everything that passes, in ms. */
  delay = 0;
  private isDead = false;
  private readonly server: Server;
  private readonly ends = new Set<Socket>();

  private constructor(target: number) {
    this.server = createServer((near) => {
      const far = createConnection(target, '127.0.0.1');
      this.join(near, far);
      this.join(far, near);
    });
  }

  static async to(target: number): Promise<Link> {
    const link = new Link(target);
    link.server.listen(0, '127.0.0.1');
    await new Promise((done) => link.server.once('listening', done));
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Nothing passes any more, and nobody is told. */
  die(): void {
    this.isDead = true;
    for (const end of this.ends) end.pause();
  }

  revive(): void {
    this.isDead = false;
    for (const end of this.ends) end.resume();
  }

  cut(): void {
    for (const end of this.ends) end.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private join(from: Socket, to: Socket): void {
    this.ends.add(from);
    if (this.isDead) from.pause();
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      if (this.delay > 0) setTimeout(() => to.writable && to.write(bytes), this.delay);
      else to.write(bytes);
    });
    const end = (): void => {
      this.ends.delete(from);
      from.destroy();
      to.destroy();
    };
    from.on('error', end).on('close', end);
  }
}
