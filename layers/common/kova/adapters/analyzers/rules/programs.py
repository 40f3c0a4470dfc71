"""Rules of the optional programs: shellcheck and hadolint."""

from typing import Final

from kova.analysis.rule import Catalogue

SHELLCHECK: Final = Catalogue(
    "shellcheck",
    """
SC1009 high   hygiene syntax*  -  the place of a syntax error
SC1072 high   error   syntax*  -  the script does not run
SC1073 high   hygiene syntax*  -  the place of a syntax error
SC1008 medium error   portable -  there is no such interpreter
SC1017 high   error   portable -  carriage returns: the shell does not find the commands
SC1035 high   error   correct  -  a space is missing: this is another command
SC1036 high   error   syntax   -  a bracket that the shell cannot read
SC1045 high   error   syntax   -  & and ; do not go together
SC1068 high   error   correct  -  spaces around = make this a command
SC1086 high   error   correct  -  for takes a name without $
SC1097 high   error   correct  -  == assigns nothing
SC1128 medium error   portable -  the interpreter line must be the first one
SC2034 low    warning correct  -  the variable is unused
SC2035 low    warning correct  -  a file whose name begins with - becomes an option
SC2043 low    warning correct  -  the loop runs once
SC2044 low    warning correct  -  names with spaces fall apart
SC2045 medium warning correct  -  names with spaces fall apart
SC2046 low    warning correct  -  the output is split into words
SC2048 medium warning correct  -  arguments with spaces fall apart
SC2050 high   error   correct  -  the comparison is constant: a $ is missing
SC2055 high   error   correct  -  the condition is always true
SC2057 high   error   syntax   -  there is no such operator
SC2058 high   error   syntax   -  there is no such operator
SC2068 medium error   correct  -  arguments with spaces fall apart
SC2069 medium error   correct  -  2>&1 stands before the redirection: errors go elsewhere
SC2070 high   error   correct  -  -n without quotes is always true
SC2071 high   error   correct  -  > compares text here
SC2072 high   error   correct  -  the shell knows no decimals
SC2074 high   error   correct  -  [ ] has no =~
SC2076 medium error   correct  -  a quoted pattern is compared as text
SC2077 high   error   correct  -  spaces are missing: the test is always true
SC2078 high   error   correct  -  the test is constant: a $ is missing
SC2081 high   error   correct  -  [ ] knows no patterns
SC2086 low    warning correct  -  the value is split and globbed
SC2088 medium warning correct  -  ~ in quotes is not the home folder
SC2089 medium warning correct  -  quotes in a variable stay quotes
SC2091 medium error   correct  -  the output is run as a command
SC2093 medium warning correct  -  nothing runs after exec
SC2095 medium error   correct  -  ssh eats the loop's input
SC2104 medium error   correct  -  break outside of a loop
SC2105 medium error   correct  -  continue outside of a loop
SC2114 critical error reliable -  this deletes a system folder
SC2115 high   error   reliable -  with an empty variable this deletes everything under /
SC2122 high   error   syntax   -  there is no such operator
SC2124 low    warning correct  -  an array becomes one text
SC2125 low    warning correct  -  no glob is expanded in an assignment
SC2128 low    warning correct  -  only the first element of the array
SC2140 medium warning correct  -  quotes that end where they were to begin
SC2142 medium error   correct  -  an alias has no parameters
SC2145 medium warning correct  -  an array glued to text
SC2148 low    warning portable -  no interpreter is named
SC2152 high   error   correct  -  a status is 0 to 255
SC2154 low    warning correct  -  the variable is never set
SC2157 high   error   correct  -  the test is constant
SC2164 low    warning reliable -  if cd fails, the rest runs elsewhere
SC2168 high   error   correct  -  local outside of a function
SC2170 high   error   correct  -  -eq compares numbers, and this is none
SC2171 high   error   syntax   -  a stray ]
SC2182 low    warning correct  -  the format has no place for the arguments
SC2183 low    warning correct  -  the format has another number of arguments
SC2188 low    warning correct  -  a redirection without a command
SC2190 medium error   correct  -  an associative array needs keys
SC2193 high   error   correct  -  the two can never be equal
SC2194 medium error   correct  -  the case looks at a constant
SC2199 medium error   correct  -  [[ ]] takes an array as one text
SC2215 high   error   correct  -  an option is run as a command
SC2216 medium error   correct  -  the command reads no input
SC2218 high   error   correct  -  the function is called before it is there
SC2224 high   error   correct  -  mv without a destination
SC2225 high   error   correct  -  cp without a destination
SC2226 high   error   correct  -  ln without a destination
SC2242 high   error   correct  -  exit takes a number
SC2251 medium error   correct  -  ! keeps set -e from stopping
SC2256 medium warning correct  -  the format's text is a variable's name
SC2261 medium error   correct  -  two redirections fight for one stream
SC2283 high   error   correct  -  spaces around = make this a command
SC3010 medium error   portable -  [[ ]] is not in sh
SC3014 medium error   portable -  == is not in sh
SC3020 medium error   portable -  &> is not in sh
SC3024 medium error   portable -  += is not in sh
SC3030 medium error   portable -  arrays are not in sh
SC3054 medium error   portable -  arrays are not in sh
""",
)

HADOLINT: Final = Catalogue(
    "hadolint",
    """
DL1000 high   error   syntax*  -   the file does not build
DL3000 medium error   correct  -   a relative WORKDIR depends on what came before
DL3002 medium warning secure   250 the container runs as root
DL3004 medium error   reliable -   sudo in an image
DL3006 medium warning reliable -   the image may change under the same name
DL3007 medium warning reliable -   latest may change under the same name
DL3011 high   error   correct  -   there is no such port
DL3012 medium error   correct  -   only the last HEALTHCHECK counts
DL3014 medium warning reliable -   the build waits for an answer
DL3020 low    warning reliable -   ADD also unpacks and downloads
DL3021 high   error   correct  -   the target must end with /
DL3022 medium warning correct  -   there is no such stage
DL3023 high   error   correct  -   a stage copies from itself
DL3024 high   error   correct  -   two stages have one name
DL3025 low    warning reliable -   signals go to the shell
DL3026 medium warning secure   829 an image of another registry
DL3028 low    warning reliable -   the gem may change
DL3044 high   error   correct  -   the variable is not yet set here
DL3045 medium warning correct  -   COPY to a relative folder without WORKDIR
DL3061 high   error   syntax*  -   the file must begin with FROM or ARG
DL3063 high   error   correct  -   the instruction needs a unit
DL4000 low    warning portable -   MAINTAINER is no more
DL4003 medium error   correct  -   only the last CMD counts
DL4004 medium error   correct  -   only the last ENTRYPOINT counts
DL4006 low    warning reliable -   a pipe's failure is not seen
SC1072 high   error   syntax*  -   the command does not run
SC2115 high   error   reliable -   with an empty variable this deletes everything under /
SC2050 high   error   correct  -   the comparison is constant: a $ is missing
SC2077 high   error   correct  -   spaces are missing: the test is always true
SC2283 high   error   correct  -   spaces around = make this a command
""",
)
