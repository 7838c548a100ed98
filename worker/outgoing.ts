import { BlockList, isIP } from 'node:net';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Proxies } from '../config/config.ts';
import { isLoopback, withoutBrackets } from '../config/loopback.ts';

const connectTimeoutMs = 10_000;

/**
 * Sends the requests of this process to web servers: through the proxies of the environment, as curl does, or straight to
 * the server. Nothing for this machine goes through a proxy.
 */
export function outgoing({ http, https, exceptions }: Proxies): Dispatcher {
  const direct = new Agent({ connect: { timeout: connectTimeoutMs } });
  const proxies = { 'http:': http && throughProxy(http), 'https:': https && throughProxy(https) };
  if (!http && !https) return direct;
  return direct.compose((straight) => (options, receiver) => {
    const url = new URL(options.origin ?? '');
    const proxy = url.protocol === 'https:' ? proxies['https:'] : proxies['http:'];
    return proxy && !goesDirect(url, exceptions)
      ? proxy.dispatch(options, receiver)
      : straight(options, receiver);
  });
}

function throughProxy(uri: string): ProxyAgent {
  const tls = { timeout: connectTimeoutMs };
  // Without a tunnel for http: many proxies allow CONNECT for https only.
  return new ProxyAgent({ uri, proxyTunnel: false, proxyTls: tls, requestTls: tls });
}

/**
 * Whether `NO_PROXY` excepts an address. Its entries are hosts, which include their subdomains, networks such as 10.0.0.0/8,
 * or `*`.
 */
export function goesDirect({ protocol, hostname, port }: URL, exceptions: string): boolean {
  const host = withoutBrackets(hostname);
  const usedPort = port || (protocol === 'https:' ? '443' : '80');
  const entries = exceptions.split(/[\s,]+/).filter((entry) => entry !== '');
  return isLoopback(host) || entries.some((entry) => excepts(entry.toLowerCase(), host, usedPort));
}

function excepts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(entry, host);
  const [, named = entry, onlyPort = port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  const name = withoutBrackets(named).replace(/^\*?\./, '');
  return onlyPort === port && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

function isInNetwork(network: string, host: string): boolean {
  const [address = '', bits = ''] = network.split('/');
  const [family, ofHost] = [isIP(address), isIP(host)];
  if (
    family === 0 ||
    family !== ofHost ||
    !/^\d{1,3}$/.test(bits) ||
    Number(bits) > (family === 4 ? 32 : 128)
  )
    return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, Number(bits), type);
  return list.check(host, type);
}
