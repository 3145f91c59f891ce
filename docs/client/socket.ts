/** The chat socket of contract 003: its frames, and a listener that waits for them. */
import WebSocket from "ws";

export type Outgoing =
  | { type: "SEND"; threadId: string; body: string; attachments?: string[]; clientId?: string }
  | { type: "TYPING"; threadId: string };

export type Message = {
  type: "MESSAGE";
  id: string;
  threadId: string;
  body: string;
  sender: "user" | "support";
  timestamp: string;
  clientId?: string;
  attachments?: string[];
};
export type Typing = { type: "TYPING"; user: string; threadId: string };
export type Refused = { type: "ERROR"; error: string; clientId?: string };
export type News =
  | { type: "NOTIFICATION"; id: string; kind: string; title: string; message: string; timestamp: string }
  | { type: "APPOINTMENT" | "REPAIR_ORDER"; id: string; status: string; timestamp: string };
export type Incoming = Message | Typing | Refused | News;

const PATIENCE = 10_000;

export class Listener {
  private readonly heard: Incoming[] = [];
  private wake: () => void = () => {};
  readonly closed: Promise<number>;

  private constructor(private readonly socket: WebSocket) {
    socket.on("message", (data) => {
      this.heard.push(JSON.parse(data.toString()) as Incoming);
      this.wake();
    });
    this.closed = new Promise((resolve) => socket.on("close", resolve));
  }

  static async open(site: string, query: { token: string } | { ticket: string }): Promise<Listener> {
    const address = `${site.replace(/^http/, "ws")}/chat/ws?${new URLSearchParams(query)}`;
    const listener = new Listener(new WebSocket(address));
    await new Promise((resolve, reject) => {
      listener.socket.on("open", resolve);
      listener.socket.on("error", reject);
    });
    return listener;
  }

  say(frame: Outgoing): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame of a kind; frames of other kinds before it are passed over. */
  async next<K extends Incoming["type"]>(kind: K): Promise<Extract<Incoming, { type: K }>> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      while (this.heard.length > 0) {
        const frame = this.heard.shift();
        if (frame?.type === kind) return frame as Extract<Incoming, { type: K }>;
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${kind} frame within ${PATIENCE} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.socket.close();
  }
}
