import { RequestType } from 'vscode-jsonrpc';
import type { ProcessIdentity } from './container.js';
import type { ErrorData } from './errors.js';

export type PortProtocol = 'tcp' | 'udp';

/** A port of this machine that leads to one of a container, at its 127.0.0.1. */
export interface PortMapping {
  hostPort: number;
  containerPort: number;
  /** Default `tcp`. */
  protocol?: PortProtocol;
  /**
   * Address of this machine to listen at, IPv4 or IPv6; default 127.0.0.1, and ::1 where this machine has it: neither is
   * reached by other machines.
   */
  address?: string;
}

export interface PublishedPort extends Required<PortMapping> {
  /** With no address asked for: the other one of localhost, `::1`, at which the same process listens. */
  alsoAt?: string;
  /** The process that listens. It ends when the port is withdrawn, or with the container. */
  publisher: ProcessIdentity;
}

/** What is published now. */
export const ListPorts = new RequestType<{ container: string }, PublishedPort[], ErrorData>('port/list');
/**
 * Publishes one until the container ends. `WrongState` when it does not run or the port is taken, with who has it;
 * `Invalid` when the container has no network of its own.
 */
export const PublishPort = new RequestType<{ container: string; port: PortMapping }, PublishedPort, ErrorData>(
  'port/publish',
);
export interface WithdrawPortParams {
  container: string;
  hostPort: number;
  protocol?: PortProtocol;
  address?: string;
}
/** Connections through it are closed. `NotFound` when it is not published. */
export const WithdrawPort = new RequestType<WithdrawPortParams, null, ErrorData>('port/withdraw');
