"""What a trained network sees in pictures, as numbers for other uses: tables, classifiers, search, a cache."""
