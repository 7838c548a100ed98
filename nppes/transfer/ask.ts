import type { Answer, Ask } from './request.ts';
import { askServer } from './http.ts';
import { askFile } from './local-files.ts';

/**
 * Asks the web server, or for a `file:` address this host's disk. The caller reads or destroys the body.
 * @throws NppesError RedirectRefused, or `failure` when there is no answer; the signal's reason.
 */
export function ask(question: Ask): Promise<Answer> {
  return new URL(question.url).protocol === 'file:' ? askFile(question) : askServer(question);
}
