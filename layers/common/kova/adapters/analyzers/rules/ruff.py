"""Ruff's rules, chosen for real errors and not for style.

The error tier was measured on released packages (docs/quality.md). A rule that mostly flags what
was intended is in the warning tier or not run: S105-S107 (betterleaks looks closer), S311, S324,
S303, S113, S501, S608 (rules of our own, analyser `kova`, judge the use), S101, S603, S607, S404.
"""

from typing import Final

from kova.analysis.rule import Catalogue

RULES: Final = Catalogue(
    "ruff",
    """
invalid-syntax high error syntax* - the file does not run
E902    high    error   syntax*    -    the file cannot be read as Python
ASYNC100 medium error   reliable   -    the time-out can never fire: nothing is awaited in it
ASYNC105 high   error   correct    -    the trio call is never awaited, so it never runs
ASYNC210 medium error   reliable*  -    a blocking HTTP call stops every task of the loop
ASYNC220 low     warning reliable   -    starting a process here stops every task of the loop
ASYNC221 medium error   reliable*  -    running a process here stops every task of the loop
ASYNC222 medium error   reliable*  -    waiting for a process here stops every task of the loop
ASYNC230 low    warning reliable   -    opening a file may stop every task of the loop
ASYNC251 high   error   reliable*  -    time.sleep stops every task of the loop
B002    high    error   correct    -    Python has no increment: ++x is x
B003    high    error   correct    -    assigning os.environ does not change the environment
B004    low     warning correct    -    hasattr of __call__ is not what makes an object callable
B005    medium  error   correct    -    strip removes characters, not a prefix or suffix
B006    medium  warning correct    -    a mutable default is shared by all calls
B008    low     warning correct    -    the default is computed once, at definition
B012    high    error   correct    -    leaving a finally block swallows the exception
B014    low     error   correct    -    the exception is named twice or covered by another
B015    medium  error   correct*   -    the comparison's result is thrown away
B016    high    error   correct    -    a literal cannot be raised
B017    low     warning correct    -    the test passes whatever goes wrong
B018    low     warning correct    -    the expression does nothing
B019    low     warning reliable   401  the cache keeps every instance alive
B020    low     warning correct    -    the loop variable replaces what is looped over
B021    low     error   correct    -    an f-string is not a docstring
B022    medium  error   correct    -    suppress() without exceptions suppresses nothing
B023    medium  warning correct    -    the closure sees the loop's last value only
B024    low     warning correct    -    an abstract class that can be instantiated
B025    medium  error   correct    -    the second handler of the same exception never runs
B026    low     warning correct    -    starred arguments after keywords come before them
B029    high    error   correct    -    an empty tuple catches nothing
B030    high    error   correct    -    this raises TypeError when an exception arrives
B031    medium  error   correct    -    a groupby group can be read once only
B032    medium  error   correct    -    an annotation where an assignment was meant
B033    low     warning correct    -    the value stands in the set twice
B034    low     warning correct    -    count and flags are easily swapped by position
B035    medium  error   correct*   -    every turn of the comprehension writes the same key
B039    medium  error   correct    -    the mutable default is shared by all contexts
B904    low     warning reliable   -    the cause of the exception is lost
B905    low     warning correct    -    zip drops what the shorter one lacks
DTZ002  low     warning correct    -    today() takes the machine's own time zone
DTZ003  low     warning correct    -    utcnow() has no time zone, and is read as local time
DTZ004  low     warning correct    -    utcfromtimestamp() has no time zone
E711    low     warning correct    -    == None calls the object's own comparison
E721    low     warning correct    -    types compared by equality miss subclasses
E722    low     warning reliable   -    a bare except catches SystemExit and Ctrl-C
F402    low     warning correct    -    the loop variable hides an import
F406    high    error   syntax     -    a star import inside a function is a syntax error
F407    high    error   syntax     -    there is no such future feature
F501    high    error   correct    -    the % format is not valid
F502    high    error   correct    -    the % format needs a mapping
F503    high    error   correct    -    the % format needs a sequence
F504    medium  error   correct    -    an argument of the % format is unused
F505    high    error   correct    -    the % format lacks an argument: KeyError
F506    high    error   correct    -    the % format mixes positions and names
F507    high    error   correct    -    the % format has another number of arguments: TypeError
F508    high    error   correct    -    * in a % format needs a sequence
F509    high    error   correct    -    the % format has an unknown conversion
F521    high    error   correct    -    the format string is not valid
F522    medium  error   correct    -    a named argument of format() is unused
F523    medium  error   correct    -    a positional argument of format() is unused
F524    high    error   correct    -    format() lacks an argument: KeyError or IndexError
F525    high    error   correct    -    the format string mixes automatic and manual numbers
F601    medium  error   correct*   -    the key stands in the dictionary twice: the first is lost
F602    low     warning correct    -    the variable is a key twice: the first value is lost
F621    high    error   syntax     -    too many values before the starred target
F622    high    error   syntax     -    two starred targets
F631    high    error   correct    -    asserting a tuple never fails
F632    high    error   correct    -    is compares identity with a literal
F633    high    error   correct    -    >> does not print to a file any more
F634    high    error   correct    -    a tuple is always true
F701    high    error   syntax     -    break outside of a loop
F702    high    error   syntax     -    continue outside of a loop
F704    high    error   syntax     -    yield outside of a function
F706    high    error   syntax     -    return outside of a function
F707    high    error   syntax     -    the bare except must be the last one
F811    medium  error   correct*   -    the earlier definition is replaced unused
F821    high    error   correct*   -    the name is not defined: NameError
F822    high    error   correct    -    __all__ names what is not there
F823    high    error   correct    -    the local is read before it is set: UnboundLocalError
F901    medium  error   correct    -    NotImplemented is not an exception
FAST003 medium  error   correct    -    the path's parameter never reaches the function
G101    high    error   correct    -    extra overwrites a field of the log record: KeyError
INT001  medium  error   correct    -    the f-string is filled in before it is translated
INT002  medium  error   correct    -    format() is applied before the text is translated
INT003  medium  error   correct    -    % is applied before the text is translated
LOG001  low     error   correct    -    the logger is outside of the hierarchy
LOG009  low     warning portable   -    logging.WARN is not documented
LOG014  low     error   correct    -    there is no exception to log here
NPY002  low     warning portable   -    numpy's legacy random generator
NPY201  medium  error   portable   -    removed in NumPy 2: AttributeError
PGH005  high    error   correct    -    the mock's check is never called: the test cannot fail
PIE794  medium  error   correct    -    the class's field is defined twice
PIE796  low     warning correct    -    two members of the enum are one
PLC0205 low     warning correct    -    __slots__ of one string is one slot by luck
PLE0100 high    error   syntax     -    __init__ may not yield
PLE0101 high    error   correct    -    __init__ may not return a value: TypeError
PLE0115 high    error   syntax     -    a name cannot be nonlocal and global
PLE0116 high    error   syntax     -    continue in finally
PLE0117 high    error   syntax     -    nonlocal has nothing to refer to
PLE0118 high    error   syntax     -    the name is used before its global statement
PLE0237 high    error   correct    -    the attribute is not in __slots__: AttributeError
PLE0241 high    error   correct    -    the base class stands twice: TypeError
PLE0303 high    error   correct    -    __len__ must return a number >= 0
PLE0305 high    error   correct    -    __index__ must return an integer
PLE0307 high    error   correct    -    __str__ must return a string
PLE0308 high    error   correct    -    __bytes__ must return bytes
PLE0309 high    error   correct    -    __hash__ must return an integer
PLE0604 high    error   correct    -    __all__ holds something that is no string
PLE0605 low     warning correct    -    __all__ is neither list nor tuple
PLE0643 high    error   correct    -    the index lies outside of the list: IndexError
PLE0704 low     warning correct    -    a bare raise needs an exception being handled
PLE1132 high    error   correct    -    the keyword is passed twice: TypeError
PLE1142 high    error   syntax     -    await outside of an async function
PLE1205 medium  error   correct    -    the log call has more arguments than places
PLE1206 medium  error   correct    -    the log call has fewer arguments than places
PLE1300 high    error   correct    -    unknown format character
PLE1307 high    error   correct    -    the format's type is not the argument's: TypeError
PLE1310 medium  error   correct    -    strip removes characters: one stands there twice
PLE1507 high    error   correct    -    getenv takes a string only: TypeError
PLE1519 high    error   correct    -    singledispatch looks at self in a method
PLE1520 high    error   correct    -    singledispatchmethod on a function
PLE1700 high    error   syntax     -    yield from inside an async function
PLE2502 high    warning secure     1007 text that reads otherwise than it runs
PLE2510 medium  error   correct    -    an invisible backspace in a string
PLE2512 medium  error   correct    -    an invisible SUB in a string
PLE2513 medium  error   correct    -    an invisible ESC in a string
PLE2514 medium  error   correct    -    an invisible NUL in a string
PLE2515 medium  error   correct    -    an invisible zero-width space in a string
PLR0124 medium  error   correct*   -    the value is compared with itself
PLR1704 low     warning correct    -    the parameter is replaced
PLR1708 high    error   correct    -    StopIteration in a generator becomes RuntimeError
PLW0120 low     warning correct    -    else of a loop without break always runs
PLW0127 low     warning correct    -    the variable is assigned to itself
PLW0128 medium  error   correct    -    the name stands twice in one assignment
PLW0129 medium  error   correct    -    asserting a string is always or never true
PLW0133 high    error   correct    -    the exception is made and not raised
PLW0177 high    error   correct    -    nothing equals NaN
PLW0211 low     warning correct    -    a static method has no self
PLW0406 medium  error   correct    -    the module imports itself
PLW0604 low     warning correct    -    global does nothing at module level
PLW0642 low     warning correct    -    self or cls is replaced
PLW0711 high    error   correct    -    `except A or B` catches A only
PLW1501 high    error   correct    -    there is no such mode of open()
PLW1507 medium  error   correct    -    a copy of os.environ still changes the environment
PLW1508 low     warning correct    -    the default of an environment variable is no string
PLW1509 low     warning reliable   -    preexec_fn may deadlock among threads
PLW1510 low     warning reliable   -    nobody sees that the command failed
PLW1641 low     warning correct    -    __eq__ without __hash__ makes it unhashable
PLW2101 high    error   correct    -    the lock is made, taken and dropped at once
PYI018  low     warning correct    -    the type variable is unused
RUF006  medium  error   reliable*  -    the task may be collected before it ends
RUF008  medium  error   correct    -    the default is shared by all instances
RUF009  low     warning correct    -    the default is computed once, at definition
RUF016  high    error   correct    -    this cannot be an index: TypeError
RUF018  medium  error   correct*   -    the assignment is gone under python -O
RUF024  medium  error   correct    -    all keys share one mutable value
RUF030  low     error   correct    -    print() in an assert says None
RUF032  low     warning correct*   -    the float is rounded before it becomes a Decimal
RUF033  high    error   correct    -    the default of __post_init__ is ignored
RUF034  low     error   correct*   -    both branches are the same
RUF040  low     error   correct    -    the assert's message is no string
RUF048  low     warning correct    -    version parts are not always integers
RUF049  medium  error   correct    -    an Enum that is a dataclass behaves as neither
RUF053  medium  error   correct    -    Generic and new type parameters do not mix: TypeError
RUF060  low     warning correct    -    nothing is in an empty collection
RUF068  low     warning correct    -    the name stands twice in __all__
S102    low     warning secure     95   exec runs what it is given
S103    low     warning secure     732  others may change the file
S110    low     warning reliable   703  the exception is swallowed
S201    high    error   secure*    489  Flask's debugger runs code for anyone who reaches it
S202    medium  warning secure     22   an archive may write outside of its folder
S301    medium  warning secure     502  pickle runs what the data says
S302    medium  warning secure     502  marshal trusts its data
S304    high    error   secure*    327  the cipher is broken
S305    high    error   secure*    327  the cipher's mode shows patterns
S306    high    error   secure*    377  between mktemp and open another may take the name
S307    medium  warning secure     95   eval runs what it is given
S310    low     warning secure     22   urlopen also opens file: addresses
S312    medium  warning secure     319  Telnet sends everything in the clear
S313    low     warning secure     611  the XML parser may be made to expand without end
S314    low     warning secure     611  the XML parser may be made to expand without end
S315    low     warning secure     611  the XML parser may be made to expand without end
S316    low     warning secure     611  the XML parser may be made to expand without end
S317    low     warning secure     611  the XML parser may be made to expand without end
S318    low     warning secure     611  the XML parser may be made to expand without end
S319    low     warning secure     611  the XML parser may be made to expand without end
S321    medium  warning secure     319  FTP sends passwords in the clear
S323    high    error   secure*    295  the server's certificate is not checked
S502    high    error   secure*    327  the TLS version is broken
S503    high    error   secure*    327  the default is a broken TLS version
S504    medium  warning secure     327  no TLS version is named
S505    high    error   secure*    326  the key is short enough to be broken
S506    high    error   secure*    502  yaml.load makes any object that the data names
S507    high    error   secure*    295  the SSH server's key is not checked
S508    medium  error   secure*    319  SNMP 1 and 2 send everything in the clear
S509    medium  error   secure*    319  SNMP without encryption
S601    low     warning secure     78   the remote shell reads the command
S602    medium  warning secure     78   the shell reads the command
S604    low     warning secure     78   the shell reads the command
S605    medium  warning secure     78   the shell reads the command
S609    high    error   secure*    78   a file's name may become an option
S610    medium  warning secure     89   extra() puts text into the query
S611    medium  warning secure     89   RawSQL puts text into the query
S612    high    error   secure*    95   whoever reaches the port runs code
S701    medium  warning secure     79   the template does not escape
S702    medium  warning secure     79   Mako does not escape by itself
S704    medium  warning secure     79   Markup says that the text is safe
SIM222  medium  error   correct*   -    the condition is always true
SIM223  medium  error   correct*   -    the condition is always false
T100    high    error   reliable*  489  the debugger stops the program
W605    low     error   correct*   -    an unknown escape, which is to become a syntax error
YTT101  medium  error   portable   -    sys.version[:3] is wrong from Python 3.10 on
YTT102  medium  error   portable   -    sys.version[2] is wrong from Python 3.10 on
YTT103  medium  error   portable   -    sys.version is compared as text
YTT201  low     warning portable   -    true of Python 3 only
YTT202  low     warning portable   -    six.PY3 is false on Python 4
YTT203  low     warning portable   -    the minor version is compared without the major one
YTT204  low     warning portable   -    the minor version is compared without the major one
YTT301  low     warning portable   -    sys.version[0] is wrong from Python 10 on
YTT302  low     warning portable   -    sys.version is compared as text
YTT303  low     warning portable   -    sys.version[:1] is wrong from Python 10 on
""",
)
