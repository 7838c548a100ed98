import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether a host, as it stands in an address, is this machine. Nothing for it goes through a proxy. */
export function isLoopback(hostname: string): boolean {
  const host = withoutBrackets(hostname);
  const family = isIP(host);
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost');
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/** `[::1]` as `::1`; in lower case. */
export const withoutBrackets = (hostname: string) => hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
