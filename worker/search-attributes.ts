import type { Client } from '@temporalio/client';
import {
  searchAttributeNames,
  searchAttributes,
  type SearchAttributeName,
} from '../contract/search-attributes.ts';

/** What registering needs: a connection with the operator's API, which also a worker's connection has. */
export type OperatorClient = Pick<Client, 'options' | 'connection'>;

const valueTypes = { Keyword: 2, KeywordList: 7 } as const;

/** The search attributes of runs that the namespace lacks. */
export async function missingSearchAttributes({
  connection,
  options,
}: OperatorClient): Promise<SearchAttributeName[]> {
  const { namespace } = options;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return searchAttributeNames.filter((name) => customAttributes?.[name] === undefined);
}

/**
 * Registers the search attributes of runs in the namespace.
 * @throws an error of the server when it refuses that, as Temporal Cloud does
 */
export async function registerSearchAttributes(
  { connection, options }: OperatorClient,
  names: readonly SearchAttributeName[],
): Promise<void> {
  await connection.operatorService.addSearchAttributes({
    namespace: options.namespace,
    searchAttributes: Object.fromEntries(names.map((name) => [name, valueTypes[searchAttributes[name]]])),
  });
}
