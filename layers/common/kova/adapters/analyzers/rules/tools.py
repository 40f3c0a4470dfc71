"""Rules of oxlint, zizmor, betterleaks and pyrefly, and of our own syntax readers."""

from typing import Final

from kova.analysis.rule import Catalogue

OXLINT: Final = Catalogue(
    "oxlint",
    """
invalid-syntax                          high   error   syntax*  -   the file does not run
eslint/constructor-super                high   error   correct  -   the constructor throws: super() is missing or misplaced
eslint/for-direction                    high   error   correct  -   the loop counts away from its end
eslint/getter-return                    high   error   correct  -   the getter returns undefined
eslint/no-async-promise-executor        high   error   reliable -   an error in the executor is never seen
eslint/no-class-assign                  high   error   correct  -   the class is replaced
eslint/no-compare-neg-zero              medium error   correct  -   -0 equals 0
eslint/no-cond-assign                   medium warning correct  -   an assignment where a comparison was meant
eslint/no-const-assign                  high   error   correct  -   assigning a constant throws
eslint/no-constant-binary-expression    medium error   correct* -   the expression always gives the same
eslint/no-constant-condition            low    warning correct  -   the condition never changes
eslint/no-control-regex                 low    warning correct  -   a control character in a pattern
eslint/no-debugger                      high   error   reliable* 489 the debugger stops the program
eslint/no-delete-var                    high   error   correct  -   a variable cannot be deleted
eslint/no-dupe-class-members            high   error   correct  -   the first member is replaced
eslint/no-dupe-else-if                  high   error   correct  -   the branch never runs
eslint/no-dupe-keys                     high   error   correct  -   the first value of the key is lost
eslint/no-duplicate-case                high   error   correct  -   the case never runs
eslint/no-empty-character-class         medium error   correct  -   the pattern matches nothing
eslint/no-empty-pattern                 low    warning correct  -   the pattern binds nothing
eslint/no-eval                          medium warning secure   95  eval runs what it is given
eslint/no-implied-eval                  high   error   secure*  95  a string is run as code
eslint/no-ex-assign                     medium error   correct  -   the exception is replaced
eslint/no-func-assign                   medium warning correct  -   the function is replaced
eslint/no-global-assign                 high   error   correct  -   a global of the language is replaced
eslint/no-import-assign                 high   error   correct  -   assigning an import throws
eslint/no-invalid-regexp                high   error   correct  -   the pattern throws
eslint/no-irregular-whitespace          low    warning correct  -   an invisible character
eslint/no-loss-of-precision             medium error   correct* -   the number cannot be held
eslint/no-misleading-character-class    medium error   correct  -   the class matches halves of characters
eslint/no-new-native-nonconstructor     high   error   correct  -   this cannot be constructed: TypeError
eslint/no-nonoctal-decimal-escape       low    error   correct  -   an escape that is none
eslint/no-obj-calls                     high   error   correct  -   this is not callable: TypeError
eslint/no-self-assign                   low    warning correct  -   the value is assigned to itself
eslint/no-setter-return                 low    error   correct  -   a setter's value is lost
eslint/no-shadow-restricted-names       low    warning correct  -   undefined, NaN and the like get another meaning
eslint/no-sparse-arrays                 low    warning correct  -   the array has holes
eslint/no-this-before-super             high   error   correct  -   this before super() throws
eslint/no-unreachable                   medium error   correct* -   the code never runs
eslint/no-unsafe-finally                high   error   correct  -   leaving finally swallows the exception
eslint/no-unsafe-negation               high   error   correct  -   ! binds to the left operand only
eslint/no-unsafe-optional-chaining      high   error   correct  -   undefined is used: TypeError
eslint/no-unexpected-multiline          low    warning correct  -   two lines are read as one expression
eslint/no-useless-backreference         medium error   correct  -   the backreference always matches nothing
eslint/no-useless-catch                 low    warning correct  -   the handler only throws again
eslint/no-with                          medium error   correct  -   with is not allowed in modules
eslint/require-yield                    low    warning correct  -   a generator that yields nothing
eslint/use-isnan                        high   error   correct  -   nothing equals NaN
eslint/valid-typeof                     high   error   correct  -   typeof never gives this
typescript/no-duplicate-enum-values     medium error   correct  -   two members of the enum are one
typescript/no-extra-non-null-assertion  low    error   correct  -   the second ! says nothing
typescript/no-misused-new               high   error   correct  -   new() in a class, constructor in an interface
typescript/no-non-null-asserted-optional-chain medium error correct* - it says that undefined cannot be, and it can
typescript/no-unsafe-declaration-merging medium error  correct  -   the merged members are never set
unicorn/no-await-in-promise-methods     low    error   correct  -   the promises run one after the other
unicorn/no-invalid-fetch-options        high   error   correct  -   fetch throws: GET has no body
unicorn/no-invalid-remove-event-listener high  error   reliable -   the listener is never removed
unicorn/no-single-promise-in-promise-methods low warning correct -  one promise needs no Promise.all
unicorn/no-thenable                     low    warning correct  -   await takes the object for a promise
unicorn/no-array-fill-with-reference-type medium error correct* -   every element is the same object
unicorn/no-accessor-recursion           high   error   correct  -   the accessor calls itself without end
oxc/bad-array-method-on-arguments       high   error   correct  -   arguments is no array: TypeError
oxc/bad-char-at-comparison              high   error   correct  -   one character never equals several
oxc/bad-comparison-sequence             high   error   correct  -   a == b == c compares a truth value
oxc/bad-match-all-arg                   high   error   correct  -   matchAll without the g flag throws
oxc/bad-min-max-func                    high   error   correct  -   the range is the wrong way round
oxc/bad-object-literal-comparison       high   error   correct  -   a new object equals nothing
oxc/bad-replace-all-arg                 high   error   correct  -   replaceAll without the g flag throws
oxc/const-comparisons                   medium error   correct  -   the comparisons can never, or always, be true
oxc/double-comparisons                  low    error   correct  -   two comparisons that are one
oxc/erasing-op                          medium error   correct* -   the result is always zero
oxc/missing-throw                       high   error   correct  -   the error is made and not thrown
oxc/number-arg-out-of-range             high   error   correct  -   the argument is out of range: RangeError
oxc/uninvoked-array-callback            medium error   correct  -   the callback never runs on empty slots
oxc/misrefactored-assign-op             medium error   correct  -   the operand is used twice
oxc/approx-constant                     low    warning correct  -   Math has this constant exactly
react/jsx-key                           low    warning correct  -   elements of a list lose their state without a key
react/jsx-no-duplicate-props            medium error   correct  -   the first value of the property is lost
react/jsx-no-undef                      high   error   correct* -   the component is not defined
react/no-children-prop                  low    warning correct  -   children passed as a property
react/no-danger-with-children           high   error   correct  -   React throws: two kinds of content
react/no-direct-mutation-state          medium error   correct  -   the change is not rendered
react/no-render-return-value            low    warning correct  -   render returns nothing of use
react/void-dom-elements-no-children     high   error   correct  -   React throws: this element has no content
react/jsx-no-script-url                 high   error   secure*  79  a javascript: address runs code
react/no-string-refs                    low    warning portable -   string refs are removed in React 19
react/no-find-dom-node                  low    warning portable -   findDOMNode is removed in React 19
react/style-prop-object                 high   error   correct  -   React throws: style takes an object
react/jsx-no-comment-textnodes          medium error   correct  -   the comment is shown as text
react/iframe-missing-sandbox            low    warning secure   693 the frame may do all that the page may
promise/no-new-statics                  high   error   correct  -   new Promise.resolve() throws
promise/valid-params                    medium warning correct  -   another number of arguments than a promise takes
promise/no-promise-in-callback          low    warning reliable -   an error in the promise is not seen
node/no-exports-assign                  low    warning correct  -   assigning exports exports nothing
node/no-new-require                     medium error   correct  -   new require() is not what it seems
import/no-self-import                   medium error   correct  -   the module imports itself
""",
)

ZIZMOR: Final = Catalogue(
    "zizmor",
    """
invalid-workflow             high   error   syntax   -   GitHub refuses the file
artipacked                   medium? warning secure  522 the token stays on disk and may leave with an artifact
bot-conditions               high   error   secure   290 the condition can be forged
cache-poisoning              medium? warning secure  345 a poisoned cache may reach a release
dangerous-triggers           high?  error   secure   829 code of a fork may run with the repository's secrets
dependabot-execution         high   error   secure   829 dependencies' own code runs during the update
excessive-permissions        medium? warning secure  272 the token may do more than it must
github-app                   medium? warning secure  272 the App's token may do more than it must
github-env                   high   error   secure   77  text from outside becomes environment variables
hardcoded-container-credentials high error  secure   798 the registry's password stands in the file
insecure-commands            high   error   secure   77  printed text becomes environment variables
insecure-url-scheme          medium error   secure   319 fetched without encryption
misfeature                   low    warning reliable -   a feature that surprises
obfuscation                  low?   warning secure   116 an expression that hides what it does
overprovisioned-secrets      high   error   secure   522 every secret is handed over
secrets-inherit              medium? warning secure  522 every secret is handed over
self-hosted-runner           medium? warning secure  829 anyone's pull request may run on your machine
template-injection           high   error   secure   94  text from outside becomes part of the script
typosquat-uses               high   error   secure   829 the action's name is nearly another's
unpinned-images              medium? warning secure  829 the image may change under the same name
unpinned-uses                medium? warning secure  829 the action may change under the same name
unredacted-secrets           high   error   secure   532 the secret shows in the log
unsound-condition            high   error   correct  -   the condition is always true
unsound-contains             high   error   secure   290 part of a text passes the check
unsound-ternary              medium error   correct  -   the false branch is never taken
use-trusted-publishing       low?   warning secure   522 a long-lived token where none is needed
""",
)

# Any of betterleaks's rules that is not named here weighs as `secret`.
BETTERLEAKS: Final = Catalogue(
    "betterleaks",
    """
secret               critical error   secure* 798 whoever reads the code has it
private-key          critical error   secure* 321 whoever reads the code has the key
generic-api-key      high?    error   secure* 798 whoever reads the code has it
generic-password     medium?  warning secure* 798 whoever reads the code has it
generic-credential-uri high?   error   secure* 798 whoever reads the code can connect
curl-auth-user       medium?  warning secure* 798 whoever reads the code has it
curl-auth-header     medium?  warning secure* 798 whoever reads the code has it
jwt                  medium?  warning secure* 798 a token, which may have expired
jwt-base64           medium?  warning secure* 798 a token, which may have expired
gcp-api-key          medium?  warning secure* 798 may be a browser's key, which is meant to be seen
""",
)

SYNTAX: Final = Catalogue(
    "syntax",
    """
invalid-json         high   error   syntax*  -   no strict reader takes the file
invalid-yaml         high   error   syntax*  -   no reader takes the file
invalid-toml         high   error   syntax*  -   no reader takes the file
duplicate-key        medium warning correct  -   the first value of the key is lost
merge-conflict       high   error   syntax*  -   a merge's markers are left in the file
""",
)

PYREFLY: Final = Catalogue(
    "pyrefly",
    """
bad-argument-count       high   warning correct - the call has another number of arguments: TypeError
missing-argument         high   warning correct - the call lacks an argument: TypeError
unexpected-keyword       high   warning correct - the function takes no such keyword: TypeError
missing-module-attribute high   warning correct - the module has no such name: ImportError
not-callable             medium warning correct - this is not callable: TypeError
not-async                medium warning correct - this cannot be awaited: TypeError
unbound-name             medium warning correct - the name may be unset here: UnboundLocalError
bad-override             low    hygiene correct - the method takes other arguments than its parent's
missing-attribute        medium hygiene correct - the object has no such attribute
""",
)
