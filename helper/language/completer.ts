import {
  type CompletionList,
  getLanguageService,
  type JSONSchema,
  type LanguageService,
  type Position,
  type TextDocument,
} from 'vscode-json-languageservice';
import { completionSchema, type Names, profileCompletionSchema } from './completion.js';

/**
 * Completes at a position of a file, with VS Code's JSON language service. A module of its own, loaded when somebody asks:
 * every `terrarium` command would pay for it.
 */
export class Completer {
  private schema: JSONSchema = {};
  // A file may name a schema of its own, by any address: nothing is fetched, this one counts.
  private readonly service: LanguageService = getLanguageService({
    schemaRequestService: () => Promise.resolve(JSON.stringify(this.schema)),
  });

  async complete(document: TextDocument, position: Position, names: Names): Promise<CompletionList | null> {
    return this.completeBy(completionSchema(names), document, position);
  }

  /** The same for a file with a seccomp profile. */
  async completeProfile(document: TextDocument, position: Position): Promise<CompletionList | null> {
    return this.completeBy(profileCompletionSchema(), document, position);
  }

  private async completeBy(
    schema: JSONSchema,
    document: TextDocument,
    position: Position,
  ): Promise<CompletionList | null> {
    this.schema = schema;
    const own = { uri: 'terrarium://specification', fileMatch: ['*'], schema: this.schema };
    this.service.configure({ validate: false, schemas: [own] });
    return this.service.doComplete(document, position, this.service.parseJSONDocument(document));
  }
}
