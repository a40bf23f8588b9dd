# SPDX-License-Identifier: Apache-2.0
# Makes a page of the site from what mandoc -T markdown prints. Variables: name and
# section of the page, and all, the names of all pages and functions with the
# page of each: "leaselock(1)=leaselock.1 leaselock_acquire(3)=leaselock_ticket.3".

BEGIN {
    count = split(all, entries, " ")
    for (i = 1; i <= count; i++) {
        split(entries[i], entry, "=")
        page_of[entry[1]] = entry[2]
    }
    printf "# %s(%s)\n", name, section
}

# The line that each manual page begins with says what the heading says.
NR == 1 { next }

/^#+ / { $0 = "#" $0 }

# Samples are indented.
/^\t/ {
    print
    next
}

# "leaselock\_ticket(3)" and "**leaselock\_ticket**(3)" are links, except to the
# page itself.
{
    rest = $0
    done = ""
    while (match(rest, /(\*\*)?[a-z][a-z0-9\\_-]*(\*\*)?\([0-9]\)/)) {
        shown = substr(rest, RSTART, RLENGTH)
        plain = shown
        gsub(/[\\*]/, "", plain)
        page = page_of[plain]
        if (page != "" && page != name "." section)
            shown = "[" shown "](" page ".md)"
        done = done substr(rest, 1, RSTART - 1) shown
        rest = substr(rest, RSTART + RLENGTH)
    }
    print done rest
}
