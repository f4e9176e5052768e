// The frames of docs/protocol.md and the state that is made of them, as types alone: browsers never
// load this file.

export interface Attachment {
  id: string;
  kind: "image" | "audio" | "video" | "file";
  media_type: string;
  size_bytes: number;
  url: string;
  name?: string;
  duration_s?: number;
}

export interface Message {
  id: string;
  /** Unix seconds, by the desk's clock. */
  sent_at: number;
  text?: string;
  attachments?: Attachment[];
}

export interface Citation {
  article: string;
  title: string;
  url?: string;
  quote?: string;
}

export interface Reply {
  id: string;
  turn: string;
  created_at: number;
  kind: "answer" | "clarify" | "person" | "unknown" | "social" | "problem";
  /** Markdown. */
  text: string;
  locale: string;
  citations?: Citation[];
  suggestions?: string[];
  /** One spoken answer in several formats, best first. */
  speech?: Attachment[];
  /** Attachment id → what was heard in it. */
  transcripts?: Record<string, string>;
}

export interface Entry {
  seq: number;
  message?: Message;
  reply?: Reply;
}

export interface Business {
  name: string;
  greeting: string;
  suggestions: string[];
}

export interface Limits {
  text_chars: number;
  upload_bytes: number;
  attachments: number;
}

export interface Welcome {
  type: "welcome";
  token: string;
  conversation: string;
  last_seq: number;
  entries: Entry[];
  business: Business;
  limits: Limits;
  developer: boolean;
  calls?: Calls | null;
}

/** How the desk can be called. */
export interface Calls {
  iceServers: RTCIceServer[];
}

export interface Caption {
  type: "caption";
  call: string;
  by_caller: boolean;
  text: string;
  /** More may come that replaces it. */
  final: boolean;
}

export interface CallEnded {
  type: "call_ended";
  call: string;
  reason: "caller" | "desk" | "transferred" | "lost" | "refused";
}

/** A frame from the desk that answers a question; `id` or `turn` say which one. */
export interface Answer {
  id: string;
  seq: number;
  url: string;
  urls: Record<string, string>;
  trace: Record<string, unknown> | null;
  call: string;
  /** The desk's answer to an offer. */
  sdp?: string;
}

export interface Problem {
  type: "error";
  code: string;
  text: string;
  id?: string;
  retry_after_s?: number;
}

export type Frame =
  | Welcome
  | Problem
  | Caption
  | CallEnded
  | ({ type: "ack" | "upload_ready" | "call" } & Answer)
  | ({ type: "renewed" } & Answer)
  | ({ type: "trace"; turn: string } & Answer)
  | { type: "entry"; entry: Entry }
  | { type: "typing"; on: boolean }
  | { type: "delta"; reply: string; at: number; text: string }
  | { type: "pong" };

/** A file that the customer chose, before and while it travels. */
export interface Draft {
  /** Its id in `upload` frames. */
  key: string;
  name: string;
  blob: Blob;
  /** Seconds, where it was recorded here. */
  duration_s?: number;
  /** What the desk made of it; absent until it has all of it. */
  attachment?: Attachment;
}

/** A message that the desk has not acknowledged; a row of the outbox. */
export interface Waiting {
  id: string;
  /** Whose: the desk and the customer, as one text. */
  scope: string;
  /** Milliseconds, by the browser's clock; rows are sent in this order. */
  at: number;
  text: string;
  files: Draft[];
  /** The desk's sentence: it refused the message, which rests until the customer decides. */
  problem?: string;
  /** The desk's sentence: it takes the message later, and it is tried again by itself. */
  delayed?: string;
}

export interface Upload {
  /** 0 to 1. */
  done: number;
  problem?: string;
}

export type ConnectionState = "idle" | "connecting" | "open" | "refused";

export interface ChatState {
  connection: ConnectionState;
  business: Business | null;
  limits: Limits | null;
  developer: boolean;
  /** Null where the desk takes no calls. */
  calls: Calls | null;
  /** By `seq`, without doubles. */
  entries: Entry[];
  waiting: Waiting[];
  /** By `Draft.key`. */
  uploads: Record<string, Upload>;
  typing: boolean;
  /** The reply that is being made. */
  stream: { reply: string; text: string } | null;
  /** The desk's sentence about no message in particular. */
  notice: string;
}
