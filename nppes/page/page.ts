import { parseReleaseName, type Release } from './release.ts';

/** A link of the page that leads to a release. */
export interface ReleaseLink {
  readonly release: Release;
  readonly url: string;
}

const entities: Readonly<Record<string, string>> = { amp: '&', quot: '"', apos: "'", lt: '<', gt: '>' };

/**
 * The releases that the page links, in its order, each once.
 *
 * Only the file name in the href counts: ids drift, texts are free, the markup is malformed (two doctypes, stray
 * tags; seen 2023 and 2026). Links to another host than the page's own are left out, and from or to a page on this disk.
 */
export function releasesOnPage(html: string, pageUrl: string): ReleaseLink[] {
  const byUrl = new Map<string, ReleaseLink>();
  for (const [, double, single, bare] of html
    .replace(/<!--[\s\S]*?-->/g, '')
    .matchAll(/\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/gi)) {
    const link = releaseLink(decodeEntities(double ?? single ?? bare ?? ''), pageUrl);
    if (link && !byUrl.has(link.url)) byUrl.set(link.url, link);
  }
  return Array.from(byUrl.values());
}

function releaseLink(href: string, pageUrl: string): ReleaseLink | undefined {
  if (!URL.canParse(href, pageUrl)) return undefined;
  const [url, page] = [new URL(href, pageUrl), new URL(pageUrl)];
  const isOnDisk = ({ protocol }: URL) => protocol === 'file:';
  if (url.host !== page.host || isOnDisk(url) !== isOnDisk(page)) return undefined;
  const release = parseReleaseName(fileNameOf(url));
  return release && { release, url: url.href };
}

function fileNameOf(url: URL): string {
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    // A stray % makes it no name of CMS's either way.
    return name;
  }
}

function decodeEntities(text: string): string {
  return text.replace(/&(amp|quot|apos|lt|gt);/g, (_, name: string) => entities[name] ?? '').trim();
}
