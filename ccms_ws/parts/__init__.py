"""Message parts that all exchanges share: the metadata block, persons, money, errors; XML on one side, the domain on the other."""
