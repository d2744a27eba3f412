"""Tables of anyone: what a file or data frame holds, in cells with line numbers, before anybody says what they mean."""
